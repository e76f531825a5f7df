/** The documents of the checkout, and what is in them. */
import { readFile, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Every document, by its path from the root. */
export async function documents() {
  const found = await Promise.all(["docs", "supabase"].map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })));
  const below = found.flat().map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const mine = below.filter((name) => name.endsWith(".md") && !name.includes("node_modules"));
  return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "pkg/README.md", ...mine.sort()];
}

export const read = (name) => readFile(join(root, name), "utf8");

/** The fenced blocks of a document: their language, their text, and the line where each begins. */
export function blocks(markdown) {
  const found = [];
  let open = null;
  for (const [index, line] of markdown.split("\n").entries()) {
    const fence = /^\s*```(\w*)/.exec(line);
    if (!fence) open?.lines.push(line);
    else if (open) found.push({ language: open.language, line: open.line, text: open.lines.join("\n") }) && (open = null);
    else open = { language: fence[1], line: index + 1, lines: [] };
  }
  return found;
}

/** A document without its fenced blocks. */
export const prose = (markdown) => markdown.replace(/^\s*```[\s\S]*?^\s*```$/gm, "");

/** Where its links and pictures lead. */
export function links(markdown) {
  const text = prose(markdown).replace(/`[^`\n]*`/g, "code");
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
  const defined = [...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)];
  const html = [...text.matchAll(/\b(?:src|href)="([^"]+)"/g)];
  return [...inline, ...defined, ...html].map((match) => match[1]);
}

/** The names by which its headings can be linked to, as GitHub makes them. */
export function anchors(markdown) {
  const seen = new Map();
  return [...prose(markdown).matchAll(/^#{1,6}\s+(.*?)\s*#*$/gm)].map(([, heading]) => {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, "");
    const slug = words.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}
