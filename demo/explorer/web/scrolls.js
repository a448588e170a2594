// A table that is wider than its place scrolls there, and says so.
const scrollBox = (label, table) => {
  const attributes = { tabindex: "0", role: "region", "aria-label": label };
  const box = make("div", { className: "scrolls", attributes }, [table]);
  const hint = make("p", { className: "hint", text: "More columns to the right: scroll." });
  const look = () => {
    hint.hidden = box.scrollWidth <= box.clientWidth + 1;
    box.classList.toggle("cut", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  };
  box.addEventListener("scroll", look);
  new ResizeObserver(look).observe(box);
  return make("div", { className: "scroll-box" }, [box, hint]);
};
