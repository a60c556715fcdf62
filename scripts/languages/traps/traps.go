// Prints each trap of spec/traps.md as a line: what goes wrong, and what is right. In base64, since some of it is no text.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

func envelope(name string, value any) string {
	fields := map[string]any{"spec": "waybill/1", "id": "019539a4-b68c-7def-8000-1a2b3c4d5e6f", "type": "receipt.send", "args": []any{}}
	if name != "" {
		fields[name] = value
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func row(trap, wrong, right string) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	line, _ := json.Marshal(map[string]string{"trap": trap, "wrong": encode(wrong), "right": encode(right)})
	fmt.Println(string(line))
}

func main() {
	var none []any
	var queue *string
	row("a nil slice", envelope("args", none), envelope("args", []any{}))
	row("a nil pointer", envelope("queue", queue), envelope("", nil))
	row("the zero time", envelope("created_at", time.Time{}), envelope("created_at", time.Now().UTC()))
	row("time.Duration", envelope("retry", map[string]any{"initial_interval": 5 * time.Second}), envelope("retry", map[string]any{"initial_interval": "PT5S"}))
	row("whole floats up to 1e21", envelope("args", []any{1e16}), envelope("args", []any{"1e16"}))
	row("large integers", envelope("args", []any{int64(1) << 53}), envelope("args", []any{"9007199254740992"}))
	noncharacter := "a\ufffe"
	clean := strings.Map(func(r rune) rune {
		if r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, noncharacter)
	row("U+FFFE and U+FFFF", envelope("args", []any{noncharacter}), envelope("args", []any{clean}))
	row("text that is not UTF-8", envelope("args", []any{"\xe9"}), envelope("args", []any{"é"}))
	row("[]byte", envelope("args", []any{[]byte(`{"a":1}`)}), envelope("args", []any{json.RawMessage(`{"a":1}`)}))
	var receipt struct {
		OrderID string `json:"orderId"`
	}
	var exact map[string]any
	other := []byte(`{"ORDERID":"o_1"}`)
	_ = json.Unmarshal(other, &receipt)
	_ = json.Unmarshal(other, &exact)
	row("keys in other letters", fmt.Sprint(receipt.OrderID), fmt.Sprint(exact["orderId"]))
}
