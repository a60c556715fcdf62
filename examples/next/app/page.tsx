import { buy } from "./actions";

export default function Page() {
  return (
    <form action={buy}>
      <label>
        Order <input name="orderId" required />
      </label>
      <button>Buy</button>
    </form>
  );
}
