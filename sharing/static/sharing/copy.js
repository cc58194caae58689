// A link marked data-copy puts its address on the clipboard and says so. Without this script it is a link to itself.

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-copy]");
  if (!link || !navigator.clipboard || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  await navigator.clipboard.writeText(link.href);
  const words = link.querySelector("[data-copied]");
  const before = words.textContent;
  words.setAttribute("role", "status");
  words.textContent = words.dataset.copied;
  setTimeout(() => { words.textContent = before; }, 2000);
});
