// Numbers as the report writes them.

export const number = (value) => value.toLocaleString("en-US");
export const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±") + number(Math.abs(value));
export const tendency = (value) => (value > 0 ? "more" : value < 0 ? "less" : "same");
