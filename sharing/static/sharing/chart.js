// Draws every [data-chart] from the specification beside it. Without this script the drawing made on the server and
// the table of figures are there.

const views = new Map();

async function draw(figure) {
  const source = document.getElementById(figure.dataset.chart);
  if (!source || typeof vegaEmbed === "undefined") return;
  const { spec, themes } = JSON.parse(source.textContent);
  const dark = getComputedStyle(figure).colorScheme === "dark"
    || (document.documentElement.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const box = document.createElement("div");
  box.className = "chart__drawing";
  const narrow = figure.clientWidth < 520;
  // Where rows are named beside the plot there is room for one column of the legend above it, not two.
  const named = spec.layer?.some((layer) => layer.encoding?.y?.type === "nominal");
  if (narrow) themes.light.legend.columns = themes.dark.legend.columns = named ? 1 : 2;
  const old = figure.querySelector(".chart__drawing");
  if (old) old.replaceWith(box); else figure.replaceChildren(box);
  const result = await vegaEmbed(box, spec, {
    actions: false,
    ast: true, // no eval: expressions are interpreted
    config: dark ? themes.dark : themes.light,
    defaultStyle: false,
    renderer: "svg",
    tooltip: { disableDefaultStyle: true, id: "chart-tooltip" },
  });
  views.get(figure)?.finalize();
  views.set(figure, result);
  const svg = box.querySelector("svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", spec.description);
}

function drawAll(root = document) {
  for (const figure of root.querySelectorAll("[data-chart]")) draw(figure);
}

document.addEventListener("DOMContentLoaded", () => drawAll());
document.addEventListener("htmx:afterSwap", (event) => drawAll(event.target.isConnected ? event.target : document));
document.addEventListener("themechange", () => drawAll());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
