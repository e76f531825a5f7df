/** What was measured, quarter by quarter, as a table for people. */
import { median, quarters } from "./flat.mjs";

const MEGABYTE = 1_048_576;
const say = (name, value) => (name.endsWith("Bytes") ? `${(value / MEGABYTE).toFixed(2)} MiB` : String(value));

/** The medians of each quarter of the days, and the highest of all. */
export function tableOf(days, names) {
  const row = (name) => {
    const values = days.map((day) => day[name]);
    const cells = [...quarters(values).map(median), Math.max(...values)].map((value) => say(name, value));
    return `| ${name.replace("Bytes", "")} | ${cells.join(" | ")} |`;
  };
  return ["| what | 1st quarter | 2nd | 3rd | 4th | highest |", "| --- | --- | --- | --- | --- | --- |", ...names.map(row)].join("\n");
}
