"use strict";
// Shows one step at a time. The page is whole without it.
{
  const root = document.documentElement;
  const steps = [...document.querySelectorAll(".step")];
  const help = document.getElementById("_help");
  const COMPARE = ["diff", "both", "before", "after"];
  let now = -1;

  const press = (buttons, isPressed) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(isPressed(one))));

  const showPane = (step, view) => {
    step.dataset.view = view;
    step.querySelectorAll(".pane").forEach((pane) => pane.classList.toggle("now", pane.dataset.view === view));
    press(step.querySelectorAll("button[data-view]"), (one) => one.dataset.view === view);
    showChange();
  };

  // The first row that changed is brought into sight, as on the screen; before it, beside it, its owner.
  const showChange = () => {
    const boxes = steps[now] ? [...steps[now].querySelectorAll(".pane.now .scroll")] : [];
    const row = boxes.map((box) => box.querySelector("tr:is(.added, .gone, .changed, .moved)")).find(Boolean);
    if (!row) return;
    const nameOf = (group) => group.querySelector("th code")?.textContent.split(" ")[0];
    const owner = row.closest("tbody");
    const rows = (count) => count * row.offsetHeight;
    const isFar = row.offsetTop > rows(12);
    for (const box of boxes) {
      const own = [...box.querySelectorAll("tbody")].find((group) => nameOf(group) === nameOf(owner));
      const isLong = box.contains(row) && row.offsetTop - owner.offsetTop > rows(6);
      box.scrollTop = isFar && own ? (isLong ? row.offsetTop - rows(3) : own.offsetTop) : 0;
    }
  };

  // Tables that a map stands for are folded, until one of them is asked for.
  const openTables = () => {
    document.querySelectorAll("details.tables").forEach((one) => { one.open = true; });
    showChange();
  };

  const compare = (how) => {
    root.dataset.compare = how;
    press(document.querySelectorAll("button[data-compare]"), (one) => one.dataset.compare === how);
    showChange();
  };

  const changesOnly = (is) => {
    root.toggleAttribute("data-only", is);
    press(document.querySelectorAll("button[data-only]"), () => is);
  };

  const say = (words) => { document.getElementById("_said").textContent = words; };

  // The words of a step's title, without the number before them.
  const title = (step) => step.querySelector("h2").lastChild.textContent.trim();

  const show = (index) => {
    if (index === now) return;
    const hadFocus = steps[now] && steps[now].contains(document.activeElement);
    steps.forEach((step, at) => step.classList.toggle("now", at === index));
    const isFirst = now < 0;
    now = index;
    const step = steps[now];
    showPane(step, step.dataset.view || step.dataset.watch);
    document.querySelectorAll("nav a").forEach((link, at) => {
      if (at === now) link.setAttribute("aria-current", "step"); else link.removeAttribute("aria-current");
    });
    const current = document.querySelector("nav a[aria-current]");
    const nav = document.querySelector("nav");
    if (nav.scrollHeight > nav.clientHeight) nav.scrollTop = current.offsetTop - nav.clientHeight / 2;
    document.querySelector("header").classList.toggle("later", now > 0);
    document.getElementById("_place").textContent = String(now + 1);
    document.querySelector("[data-go=before]").disabled = now === 0;
    document.querySelector("[data-go=next]").disabled = now === steps.length - 1;
    document.title = `${now + 1}. ${title(step)} - ${document.querySelector("h1").textContent}`;
    if (isFirst) return;
    scrollTo(0, 0);
    if (hadFocus) step.querySelector("h2").focus({ preventScroll: true });
    say(`Step ${now + 1} of ${steps.length}: ${title(step)}`);
  };

  // The address follows, so that every step has a link and "back" leads back.
  const go = (index) => {
    const at = Math.max(0, Math.min(index, steps.length - 1));
    if (at === now) return;
    show(at);
    location.hash = steps[at].id;
  };

  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const step = target && target.closest(".step");
    if (target && !step) return;
    show(Math.max(0, steps.indexOf(step)));
    if (!step || target === step) return;
    for (let at = target; at !== step; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  };

  const openCalls = () => {
    const calls = steps[now].querySelector(".tell .calls");
    if (!calls) return say("This step made no calls");
    calls.open = !calls.open;
    calls.querySelector("summary").focus();
  };

  const showHelp = () => { if (help.open) help.close(); else help.showModal(); };

  const KEYS = {
    ArrowRight: () => go(now + 1), n: () => go(now + 1),
    ArrowLeft: () => go(now - 1), p: () => go(now - 1),
    Home: () => go(0), End: () => go(steps.length - 1),
    7: openCalls, "?": showHelp,
    d: () => {
      openTables();
      compare(COMPARE[(COMPARE.indexOf(root.dataset.compare) + 1) % COMPARE.length]);
      say(steps[now].querySelector("button[data-compare][aria-pressed=true]").textContent);
    },
    c: () => {
      openTables();
      changesOnly(!root.hasAttribute("data-only"));
      say(root.hasAttribute("data-only") ? "Changes only" : "All rows");
    },
  };
  for (const view of "123456") {
    KEYS[view] = () => {
      openTables();
      showPane(steps[now], view);
      say(steps[now].querySelector(".pane.now h4").textContent);
    };
  }

  const scrollsItself = (target) => {
    const box = target.closest(".scroll");
    return box && (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || (help.open && event.key !== "?")) return;
    const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
    const isMove = ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key);
    if (!act || (isMove && scrollsItself(event.target))) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.go) go(now + (button.dataset.go === "next" ? 1 : -1));
    else if (button.dataset.view) showPane(steps[now], button.dataset.view);
    else if (button.dataset.compare) compare(button.dataset.compare);
    else if ("only" in button.dataset) changesOnly(!root.hasAttribute("data-only"));
    else if ("help" in button.dataset) showHelp();
  });

  root.classList.add("js");
  document.querySelectorAll(".controls, .choose").forEach((one) => { one.hidden = false; });
  document.querySelectorAll("details.side").forEach((side) => { side.open = true; });
  if (!matchMedia("(min-width: 70rem)").matches) document.querySelector(".contents").open = false;
  compare("diff");
  changesOnly(false);
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", openTables);
  document.querySelectorAll("details.tables").forEach((one) => one.addEventListener("toggle", showChange));
  follow();
}
