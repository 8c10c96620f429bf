//! Exported pages in a real browser: by keyboard, by link, on paper, and as a screen reader gets them.

mod common;

use std::path::PathBuf;

use common::browser::Browser;
use common::lessons::{exported, hostile, taped};
use common::skip;
use serde_json::{Value, json};
use unboxed::export::DocumentFormat;
use unboxed::lesson::model::Lesson;
use unboxed::tape::Tape;

/// A page in a folder of its own, and a browser; none where there is no browser.
fn opened(
    lesson: &Lesson,
    tape: &Tape,
    hash: &str,
) -> Option<(Browser, PathBuf, tempfile::TempDir)> {
    let Some(mut browser) = Browser::start() else {
        skip("chromium is missing");
        return None;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("page.html");
    std::fs::write(&path, exported(DocumentFormat::Html, lesson, tape)).expect("the page");
    browser.open(&path, hash);
    Some((browser, path, folder))
}

const SHOWN: &str = "[...document.querySelectorAll('.step')].filter(one => one.checkVisibility()).map(one => one.id).join()";
const PANE: &str = "document.querySelector('.step.now .pane.now').dataset.view";

#[test]
fn a_page_is_stepped_through_by_keys_and_links() {
    let (lesson, tape) = taped("build-a-container");
    let Some((mut browser, path, _folder)) = opened(&lesson, &tape, "") else { return };
    let ids: Vec<&str> = lesson.steps.iter().map(|step| step.id.as_str()).collect();
    let shows = |browser: &mut Browser, id: &str| browser.until(&format!("{SHOWN} === '{id}'"));
    shows(&mut browser, ids[0]);
    for (key, expected) in [
        ("ArrowRight", 1),
        ("n", 2),
        ("ArrowLeft", 1),
        ("p", 0),
        ("p", 0),
        ("End", ids.len() - 1),
        ("n", ids.len() - 1),
        ("Home", 0),
        ("n", 1),
    ] {
        browser.press(key);
        shows(&mut browser, ids[expected]);
        browser.until(&format!(
            "document.getElementById('_place').textContent === '{}'",
            expected + 1
        ));
    }
    assert!(
        browser.value("location.hash").as_str().is_some_and(|hash| hash == format!("#{}", ids[1]))
    );
    let said = browser.value("document.getElementById('_said').textContent");
    assert_eq!(said, format!("Step 2 of {}: {}", ids.len(), lesson.steps[1].title));
    assert!(
        browser
            .value("document.title")
            .as_str()
            .is_some_and(|title| title.contains(&lesson.steps[1].title))
    );
    browser.value("history.back()");
    shows(&mut browser, ids[0]);

    // Three presses before the page has come to rest are three steps.
    let press =
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'n', bubbles: true }));";
    browser.value(&press.repeat(3));
    shows(&mut browser, ids[3]);
    browser.until(&format!("location.hash === '#{}'", ids[3]));
    browser.press("Home");

    for pane in ["1", "2", "3", "4", "5", "6"] {
        browser.press(pane);
        assert_eq!(browser.value(PANE), pane);
    }
    browser.press("End");
    browser.press("Home");
    browser.press("n");
    shows(&mut browser, ids[1]);
    let sides = "[...document.querySelectorAll('.step.now .pane.now .side')].filter(one => one.checkVisibility()).map(one => one.dataset.side).join()";
    for expected in ["diff", "diff,before", "before", "after", "diff"] {
        assert_eq!(browser.value(sides), expected);
        browser.press("d");
    }
    let rows = "[...document.querySelectorAll('.step.now .pane.now tr')].filter(one => one.checkVisibility()).length";
    for _ in 0..3 {
        browser.press("d");
    }
    let all = browser.value(rows).as_u64();
    browser.press("c");
    let changed = browser.value(rows).as_u64();
    assert!(changed > Some(0) && changed < all, "{changed:?} of {all:?}");

    browser.press("7");
    assert_eq!(browser.value("document.querySelector('.step.now .calls').open"), true);
    browser.press("?");
    assert_eq!(browser.value("document.getElementById('_help').open"), true);
    browser.press("n");
    shows(&mut browser, ids[1]);
    browser.press("Escape");
    browser.until("!document.getElementById('_help').open");

    browser.open(&path, "#pivot-root");
    shows(&mut browser, "pivot-root");
    assert_eq!(browser.value("scrollY"), 0);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn a_question_keeps_its_answer_until_it_is_asked_for() {
    let (lesson, tape) = taped("build-a-container");
    let Some((mut browser, _, _folder)) = opened(&lesson, &tape, "#make-rprivate") else { return };
    let shown = "document.querySelector('.step.now .answer p').checkVisibility({contentVisibilityAuto: true})";
    assert_eq!(browser.value(shown), false);
    browser.value("document.querySelector('.step.now .answer summary').focus()");
    browser.press("Enter");
    browser.until(shown);
    let answer = browser.value("document.querySelector('.step.now .answer').innerText");
    let answer = answer.as_str().expect("text");
    assert!(
        answer.contains("Right: b") && answer.contains("Propagation is a property of a mount"),
        "{answer}"
    );
    assert_eq!(
        browser.value("document.querySelector('.step.now .notes').open"),
        false,
        "notes are the speaker's"
    );
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Roles, names and heading levels of all that assistive technology gets.
fn accessible(browser: &mut Browser) -> Vec<(String, String)> {
    let tree = browser.ask("Accessibility.getFullAXTree", json!({}));
    let nodes =
        tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["ignored"] != true);
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
}

#[test]
fn a_screen_reader_gets_landmarks_headings_tables_and_a_name_for_each_mark() {
    let (lesson, tape) = taped("memory");
    let Some((mut browser, _, _folder)) = opened(&lesson, &tape, "#over") else { return };
    browser.value("document.querySelector('.step.now .tables').open = true");
    let nodes = accessible(&mut browser);
    let count = |role: &str| nodes.iter().filter(|(one, _)| one == role).count();
    for landmark in ["main", "banner", "navigation", "contentinfo", "status"] {
        assert_eq!(count(landmark), 1, "{landmark}");
    }
    assert!(nodes.contains(&("heading".into(), lesson.title.clone())));
    assert!(
        nodes
            .iter()
            .any(|(role, name)| role == "heading" && name.contains("More than it may have")),
        "{nodes:?}"
    );
    let marks: Vec<&String> = nodes
        .iter()
        .filter(|(role, _)| role == "image" || role == "img")
        .map(|(_, name)| name)
        .collect();
    assert!(marks.iter().any(|name| *name == "changed"), "{marks:?}");
    assert!(
        marks.iter().any(|name| name.contains("memory of box")),
        "the chart has words: {marks:?}"
    );
    assert!(
        marks.iter().any(|name| *name == "Map of the control groups, after the step"),
        "so has the map: {marks:?}"
    );
    assert!(marks.iter().all(|name| !name.is_empty()), "{marks:?}");
    assert!(count("columnheader") > 3 && count("table") > 1);
    let unnamed = nodes.iter().find(|(role, name)| {
        ["button", "link", "region"].contains(&role.as_str()) && name.is_empty()
    });
    assert_eq!(unnamed, None);
    // Also those of the other steps.
    let levels = browser.value("[...document.querySelectorAll('main h1, main h2, main h3, main h4, main h5, body > header h1')].map(one => +one.tagName[1])");
    let levels: Vec<u64> =
        levels.as_array().expect("levels").iter().filter_map(Value::as_u64).collect();
    assert!(
        levels.windows(2).all(|pair| pair[1] <= pair[0] + 1),
        "a level is left out: {levels:?}"
    );
}

#[test]
fn without_its_script_the_page_reads_from_top_to_bottom() {
    let (lesson, tape) = taped("memory");
    let Some((mut browser, path, _folder)) = opened(&lesson, &tape, "") else { return };
    browser.ask("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&path, "");
    assert_eq!(browser.value("document.documentElement.classList.contains('js')"), false);
    let shown = browser.value(SHOWN);
    let ids: Vec<&str> = lesson.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(shown, ids.join(","));
    let dead =
        "[...document.querySelectorAll('button')].filter(one => one.checkVisibility()).length";
    assert_eq!(browser.value(dead), 0, "buttons that do nothing");
}

/// The drawings of the map that are to be seen in the step that is shown, by their names.
const MAPS: &str = "[...document.querySelectorAll('.step.now .lab-map')].filter(one => one.checkVisibility()).map(one => one.getAttribute('aria-label').split(', ')[1]).join()";

#[test]
fn the_map_is_shown_after_the_step_and_before_it_on_request_without_a_script() {
    let (lesson, tape) = taped("build-a-container");
    let Some((mut browser, path, _folder)) = opened(&lesson, &tape, "#pivot-root") else { return };
    assert_eq!(browser.value(MAPS), "after the step");
    browser.value("document.querySelector('.step.now .flip input').focus()");
    browser.press(" ");
    browser.until(&format!("{MAPS} === 'before the step'"));
    browser.press(" ");
    browser.until(&format!("{MAPS} === 'after the step'"));

    // What the words are about, and that the tables are folded until they are asked for.
    let words = "document.querySelector('.step.now .lab figcaption').innerText";
    let said = browser.value(words);
    assert!(said.as_str().is_some_and(|said| said.starts_with("Moved in container: /")), "{said}");
    let tables = "document.querySelector('.step.now .tables').open";
    assert_eq!(browser.value(tables), false);
    browser.press("4");
    assert_eq!(browser.value(tables), true);

    // Every drawing has its size from the page's style, and colours of either scheme.
    for scheme in ["light", "dark"] {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        browser.ask("Emulation.setEmulatedMedia", json!({"features": features}));
        let ground = "getComputedStyle(document.querySelector('.step.now .after .lab-map')).backgroundColor === getComputedStyle(document.body).backgroundColor";
        assert_eq!(browser.value(ground), true, "{scheme}");
    }
    browser.ask("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&path, "");
    let shown = "[...document.querySelectorAll('#pivot-root .lab-map')].filter(one => one.checkVisibility()).length";
    assert_eq!(browser.value(shown), 1);
    browser.value("document.querySelector('#pivot-root .flip input').click()");
    assert_eq!(browser.value(shown), 1);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn on_paper_there_are_all_steps_and_no_buttons() {
    let (lesson, tape) = taped("build-a-container");
    let Some((mut browser, _, _folder)) = opened(&lesson, &tape, "#pivot-root") else { return };
    let pdf = browser.ask("Page.printToPDF", json!({}));
    let pdf = decoded(pdf["data"].as_str().expect("a document"));
    assert!(pdf.starts_with(b"%PDF"));
    let pages = String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count();
    assert!(pages >= lesson.steps.len(), "{pages} pages");
    browser.ask("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let ids: Vec<&str> = lesson.steps.iter().map(|step| step.id.as_str()).collect();
    browser.until(&format!("{SHOWN} === '{}'", ids.join(",")));
    let chrome = "[...document.querySelectorAll('button, nav, dialog, .notes, .answer')].filter(one => one.checkVisibility()).length";
    assert_eq!(browser.value(chrome), 0);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// Base64, as the protocol has it.
fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values = text.bytes().filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte));
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_usize, 0_u32);
    for value in values {
        bits = (bits << 6 | value) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

/// The least contrast of text with what is behind it, over all that is shown; what has less than 4.5 is named (WCAG 2.2, 1.4.3).
const FAINT: &str = r#"(() => {
  const numbers = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((one) => one / 255).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (numbers(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!hasText || !element.checkVisibility() || element.disabled || element.closest("script, svg")) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) faint.push(`${element.tagName}.${element.className} ${contrast.toFixed(2)}`);
  }
  return [...new Set(faint)].join(", ");
})()"#;

/// The same for the texts of the map that is shown, with the shape that each stands on.
const FAINT_IN_MAP: &str = r#"(() => {
  const channels = (color) => {
    const all = (color.match(/[\d.]+/g) || []).map(Number).slice(0, 3);
    return color.startsWith("color(srgb") ? all : all.map((one) => one / 255);
  };
  const light = (color) => {
    const [r, g, b] = channels(color).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const map = document.querySelector(".step.now .after .lab-map");
  map.scrollIntoView();
  const faint = [];
  let texts = 0;
  for (const text of map.querySelectorAll("text")) {
    const box = text.getBoundingClientRect();
    const below = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const shape = below.find((one) => ["rect", "circle"].includes(one.tagName) && getComputedStyle(one).fill !== "none");
    const ground = shape ? getComputedStyle(shape).fill : getComputedStyle(map).backgroundColor;
    const [one, other] = [light(getComputedStyle(text).fill), light(ground)].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (!(contrast >= 4.5)) faint.push(`${text.textContent} ${text.getAttribute("class")} ${contrast.toFixed(2)}`);
    texts += 1;
  }
  scrollTo(0, 0);
  return texts > 5 ? faint.join(", ") : `only ${texts} texts`;
})()"#;

#[test]
fn text_stands_out_by_day_and_by_night() {
    let (lesson, tape) = taped("build-a-container");
    let Some((mut browser, _, _folder)) = opened(&lesson, &tape, "#pivot-root") else { return };
    browser.value(
        "document.querySelectorAll('.step.now details').forEach(one => { one.open = true })",
    );
    for scheme in ["light", "dark"] {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        browser.ask("Emulation.setEmulatedMedia", json!({"features": features}));
        assert_eq!(
            browser.value("matchMedia('(prefers-color-scheme: dark)').matches"),
            scheme == "dark"
        );
        for step in ["make-rprivate", "pivot-root-refused", "pivot-root"] {
            browser.value(&format!("location.hash = '{step}'"));
            browser.until(&format!("{SHOWN} === '{step}'"));
            assert_eq!(browser.value(FAINT), "", "{scheme}, {step}");
        }
        for step in ["unshare", "pivot-root", "umount-all", "veth-move", "limits"] {
            browser.value(&format!("location.hash = '{step}'"));
            browser.until(&format!("{SHOWN} === '{step}'"));
            assert_eq!(browser.value(FAINT_IN_MAP), "", "{scheme}, {step}");
        }
    }
}

#[test]
fn on_a_phone_nothing_is_wider_than_the_screen() {
    let (lesson, tape) = taped("build-a-container");
    let Some((mut browser, path, _folder)) = opened(&lesson, &tape, "") else { return };
    let phone = json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
    browser.ask("Emulation.setDeviceMetricsOverride", phone);
    browser.open(&path, "");
    for _ in &lesson.steps {
        let wide = browser.value("document.documentElement.scrollWidth <= innerWidth");
        assert_eq!(wide, true, "{}", browser.value("location.hash"));
        browser.press("n");
    }
}

#[test]
fn hostile_text_does_nothing_in_a_browser() {
    let evil = "</code></pre></script><script>pwned=1</script><img src=https://example.invalid/x onerror=pwned=1><svg onload=pwned=1>\
                \"'><a href=javascript:pwned=1 autofocus onfocus=pwned=1>x</a><style>*{display:none}</style>\u{1b}[2J";
    let (lesson, tape) = hostile(evil);
    let Some((mut browser, _, _folder)) = opened(&lesson, &tape, "") else { return };
    for _ in 0..3 {
        browser.press("n");
    }
    browser.until(&format!("{SHOWN} === '{}'", lesson.steps[3].id));
    assert_eq!(browser.value("typeof pwned"), "undefined");
    let foreign = "document.querySelectorAll('img, iframe, object, embed, a[autofocus], body style, svg[onload]').length";
    assert_eq!(browser.value(foreign), 0);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}
