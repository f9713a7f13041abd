// Numbers as C's printf writes them, for machines that have no C.

/** Below it the product of a double and a power of ten is off by less than `NEARLY`. */
const EXACT_BELOW = 2 ** 40;
const NEARLY = 2 ** -10;

/** `value` with `digits` decimals (0..20), rounded as printf("%.*f"): exact, ties to even. */
export function formatFixed(value: number, digits: number): string {
  if (Number.isNaN(value)) return "nan";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return `${sign}inf`;
  if (size >= 1e21) return `${sign}${BigInt(size)}${digits > 0 ? `.${"0".repeat(digits)}` : ""}`;
  const rounded = size.toFixed(digits);
  // toFixed is exact but rounds ties up; only a value that ends exactly in 5 after `digits` decimals is a tie: then this is an odd number.
  const halves = size * 10 ** digits * 2;
  const odd = Math.round(halves);
  if (halves < EXACT_BELOW && (odd % 2 === 0 || Math.abs(halves - odd) > NEARLY)) return sign + rounded;
  const exact = size.toFixed(100);
  const point = exact.indexOf(".");
  const isTie = /^50*$/.test(exact.slice(point + 1 + digits));
  if (!isTie) return sign + rounded;
  const cut = digits > 0 ? exact.slice(0, point + 1 + digits) : exact.slice(0, point);
  return sign + (Number(cut.at(-1)) % 2 === 0 ? cut : rounded);
}
