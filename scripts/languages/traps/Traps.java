import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.Period;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Prints each trap of spec/traps.md as a line: what goes wrong, and what is right. In base64, since some of it is no text. */
class Traps {
  static final ObjectMapper JSON = new ObjectMapper();

  static Map<String, Object> fields(String name, Object value) {
    var fields = new HashMap<String, Object>(Map.of("spec", "waybill/1", "id", "019539a4-b68c-7def-8000-1a2b3c4d5e6f",
        "type", "receipt.send", "args", List.of()));
    if (name != null) fields.put(name, value);
    return fields;
  }

  static byte[] envelope(String name, Object value) throws Exception {
    return JSON.writeValueAsBytes(fields(name, value));
  }

  static void row(String trap, byte[] wrong, byte[] right) throws Exception {
    var base64 = Base64.getEncoder();
    System.out.println(JSON.writeValueAsString(
        Map.of("trap", trap, "wrong", base64.encodeToString(wrong), "right", base64.encodeToString(right))));
  }

  public static void main(String[] args) throws Exception {
    var now = Instant.now().toString();
    row("dates as numbers", envelope("created_at", new Date()), envelope("created_at", now));
    row("a time without a zone", envelope("created_at", LocalDateTime.now().toString()), envelope("created_at", now));
    row("Period for a duration", envelope("retry", Map.of("max_interval", Period.ofDays(2).toString())),
        envelope("retry", Map.of("max_interval", Duration.ofDays(2).toString())));
    row("large integers", envelope("args", List.of(1L << 53)), envelope("args", List.of(Long.toString(1L << 53))));
    row("null", envelope("queue", null), new ObjectMapper()
        .setDefaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
        .writeValueAsBytes(fields("queue", null)));
    row("NaN", envelope("args", List.of(Double.NaN)), envelope("args", List.of(0)));
    var text = new String(envelope("args", List.of("é")), StandardCharsets.UTF_8);
    row("getBytes() before Java 18", text.getBytes(StandardCharsets.ISO_8859_1), text.getBytes(StandardCharsets.UTF_8));
    var smile = "\uD83D\uDE00";
    row("length()", String.valueOf(smile.length()).getBytes(), String.valueOf(smile.codePointCount(0, 2)).getBytes());
  }
}
