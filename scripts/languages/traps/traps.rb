# Prints each trap of spec/traps.md as a line: what goes wrong, and what is right. In base64, since some of it is no text.
require "bigdecimal"
require "json"
require "securerandom"
require "sqlite3"
require "time"

def envelope(**more)
  { spec: "waybill/1", id: "019539a4-b68c-7def-8000-1a2b3c4d5e6f", type: "receipt.send", args: [{}], **more }
end

def row(trap, wrong, right)
  puts JSON.generate(trap: trap, wrong: [wrong].pack("m0"), right: [right].pack("m0"))
end

def json(**more)
  JSON.generate(envelope(**more))
end

row "Time as it prints", json(created_at: Time.now), json(created_at: Time.now.utc.iso8601(3))
row "symbols beside strings", json(args: [{ "orderId" => 1, orderId: 2 }]), json(args: [{ "orderId" => 1, orderId: 2 }.transform_keys(&:to_s)])
row "large integers", json(args: [2**64]), json(args: [(2**64).to_s])
row "nil", json(queue: nil), JSON.generate(envelope(queue: nil).compact)
row "BigDecimal", json(args: [BigDecimal("12.5")]), json(args: [BigDecimal("12.5").to_s("F")])
row "an id in capitals", JSON.generate(envelope.merge(id: SecureRandom.uuid.upcase)), JSON.generate(envelope.merge(id: SecureRandom.uuid))
db = SQLite3::Database.new(":memory:")
row "a binary string in SQLite", db.get_first_value("SELECT typeof(?)", [json.b]), db.get_first_value("SELECT typeof(?)", [json.b.force_encoding("UTF-8")])
row "split(\" \")", "v1,a  v1,b".split(" ").size.to_s, "v1,a  v1,b".split(/ /, -1).size.to_s
row "no uuid_v7 before Ruby 3.3", SecureRandom.respond_to?(:uuid_v7) ? "is there" : "is missing", SecureRandom.uuid
