# Prints each trap of spec/traps.md as a line: what goes wrong, and what is right. In base64, since some of it is no text.
use strict;
use warnings;
use Encode qw(decode encode);
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);

my $json = JSON::PP->new->utf8->canonical;

sub envelope {
    no warnings "misc";    # One trap is a list with a key and no value.
    return { spec => "waybill/1", id => "019539a4-b68c-7def-8000-1a2b3c4d5e6f", type => "receipt.send", args => [{}], @_ };
}

sub text { return $json->encode(envelope(@_)) }

sub row {
    my ($trap, $wrong, $right) = @_;
    print $json->encode({ trap => $trap, wrong => encode_base64($wrong, ""), right => encode_base64($right, "") }), "\n";
}

my ($priority) = "priority=5" =~ /(\d+)/;
row "a number that was text", text(priority => $priority), text(priority => $priority + 0);
row "1 for true", text(retry => { jitter => 1 }), text(retry => { jitter => JSON::PP::true });
row "undef", text(queue => undef), text();
my @none;
row "a list in a hash", text(args => @none, queue => "mail"), text(args => [@none], queue => "mail");
row "encode without utf8", encode("iso-8859-1", JSON::PP->new->encode(envelope(args => [{ name => "Zo\x{eb}" }]))),
    text(args => [{ name => "Zo\x{eb}" }]);
my $bytes = "Zo\xc3\xab";
row "bytes in place of text", text(args => [{ name => $bytes }]), text(args => [{ name => decode("UTF-8", $bytes) }]);
row "large integers", text(args => [9007199254740993]), text(args => ["9007199254740993"]);
row "15 digits", text(args => [0.1 + 0.2]), text(args => [sprintf "%.17g", 0.1 + 0.2]);
row "infinity", text(args => [9**9**9]), text(args => ["inf"]);
my $at = 1_795_341_600;
row "gmtime as text", text(created_at => scalar gmtime $at), text(created_at => strftime("%Y-%m-%dT%H:%M:%SZ", gmtime $at));
my $value = "v1,a v1,b  ";
row "split(/ /)", scalar(my @few = split / /, $value), scalar(my @all = split / /, $value, -1);
row "\$ in a pattern", "1\n" =~ /^\d+$/ ? "matches" : "does not", "1\n" =~ /\A\d+\z/ ? "matches" : "does not";
