"""Agreement texts as blocks that a template can show: headings, paragraphs and lists, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """`kind` is `title`, `heading`, `paragraph` or `list`; a list has its items as lines."""

    kind: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)


def blocks(text: str) -> list[Block]:
    """The blocks between blank lines: `# title`, `## heading`, lines that begin with `- `, or a paragraph."""
    parts = (part.strip() for part in text.replace("\r\n", "\n").split("\n\n"))
    return [_block(part) for part in parts if part]


def _block(part: str) -> Block:
    for mark, kind in (("## ", "heading"), ("# ", "title")):
        if part.startswith(mark):
            return Block(kind, (part.removeprefix(mark),))
    lines = part.split("\n")
    if not lines[0].startswith("- "):
        return Block("paragraph", tuple(line.strip() for line in lines))
    items: list[str] = []
    for line in lines:
        if line.startswith("- ") or not items:
            items.append(line.removeprefix("- ").strip())
        else:  # the item goes on in the next line
            items[-1] = f"{items[-1]} {line.strip()}"
    return Block("list", tuple(items))
