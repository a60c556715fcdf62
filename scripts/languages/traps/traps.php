<?php

/** Prints each trap of spec/traps.md as a line: what goes wrong, and what is right. In base64, since some of it is no text. */
function envelope(array $more = []): array
{
    $id = '019539a4-b68c-7def-8000-1a2b3c4d5e6f';
    return $more + ['spec' => 'waybill/1', 'id' => $id, 'type' => 'receipt.send', 'args' => [(object) []]];
}

function row(string $trap, string|false $wrong, string $right): void
{
    echo json_encode(['trap' => $trap, 'wrong' => base64_encode((string) $wrong), 'right' => base64_encode($right)]), "\n";
}

function json(array $more, int $flags = 0): string|false
{
    return json_encode(envelope($more), $flags);
}

$strict = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION;
$now = new DateTimeImmutable('now', new DateTimeZone('UTC'));
row('an empty array', json(['meta' => []]), json(['meta' => (object) []]));
row('an empty payload', json(['args' => [[]]]), json(['args' => [(object) []]]));
row('array_filter leaves gaps', json(['args' => array_filter([null, 'a'])]), json(['args' => array_values(array_filter([null, 'a']))]));
row('text that is not UTF-8', json(['args' => ["\xe9"]]), json(['args' => [mb_convert_encoding("\xe9", 'UTF-8', 'ISO-8859-1')]], $strict));
row('large integers', json(['args' => [9007199254740993]]), json(['args' => ['9007199254740993']]));
row('integers that overflow', json(['args' => [PHP_INT_MAX + 1]]), json(['args' => ['9223372036854775808']]));
row('dates for people', json(['created_at' => date('Y-m-d H:i:s')]), json(['created_at' => $now->format('Y-m-d\TH:i:s.v\Z')]));
row('null', json(['queue' => null]), json([]));
row('uniqid()', json(['id' => uniqid()]), json([]));
