// Typeset the formulas of a page, if it has some: MathJax is large, and most pages have none.
if (document.querySelector(".arithmatex")) {
  window.MathJax = { options: { processHtmlClass: "arithmatex", ignoreHtmlClass: ".*" } };
  const script = document.createElement("script");
  script.src = new URL("mathjax/tex-svg.js", document.currentScript.src);
  document.head.append(script);
}
