//! The matrix: a section for each folder, in it one for each scenario, a row for each design, a column for each engine.

use super::escaped;
use crate::report::phrase::{self, thousands};
use crate::report::{Cell, DesignReport, Report, ScenarioReport, folder, terminal};
use crate::verdict::Verdict;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The page up to the designs' own.
pub(super) fn matrix(report: &Report) -> String {
    let mut html = String::from("<main id=\"matrix\">\n");
    html += &head(report);
    html += FILTER;
    for (folder, scenarios) in folders(report) {
        let _ = write!(
            html,
            "<details class=\"folder\" open>\n<summary><h2>{}</h2> <span class=\"quiet\">{}</span></summary>\n",
            escaped(folder),
            if scenarios.len() == 1 {
                "1 scenario".to_owned()
            } else {
                format!("{} scenarios", scenarios.len())
            }
        );
        for (number, scenario) in scenarios {
            section(&mut html, number, scenario);
        }
        html += "</details>\n";
    }
    html += "<p id=\"nothing\" role=\"status\" hidden>No design is like that.</p>\n</main>\n";
    html
}

const FILTER: &str = r#"<form id="filter" role="search" aria-label="Filter designs">
<label>Search <input type="search" id="search" placeholder="name, question, file"></label>
<label>Show <select id="only">
<option value="">all designs</option>
<option value="failing">designs that fail</option>
<option value="safe">designs without a failure</option>
<option value="unexpected">not as expected</option>
<option value="inconclusive">inconclusive</option>
</select></label>
<span id="count" class="quiet" role="status"></span>
</form>
<details id="legend"><summary>How to read the matrix</summary>
<p>A row is a <em>design</em>, one way to write the code that the scenario asks about; a column is an <em>engine</em>
that ran it. <b>rc11</b>, <b>loom</b> and <b>shuttle</b> are checkers: they decide themselves which thread goes on and,
but for shuttle, which value a load sees. <b>threads</b> and <b>processes</b> run on the real machine, as often as there
is time.</p>
<dl>
<dt>safe all 36</dt><dd>every execution of the engine's model, 36 of them, ends well</dd>
<dt>safe bound 36</dt><dd>every one within a bound</dd>
<dt>safe may miss 36</dt><dd>every one that the engine has, and the language may have more</dd>
<dt>safe 4.3M, safe 500 runs</dt><dd>so many samples or random executions, none of which failed</dd>
<dt>forbidden 3/36, forbidden 2.1%</dt><dd>so many executions end in what the scenario forbids</dd>
<dt>data race run 2, deadlock run 5</dt><dd>found in the second, the fifth execution</dd>
<dt>n/a</dt><dd>the design cannot run on this engine</dd>
<dt>! and ?</dt><dd>not what was expected of the design; inconclusive</dd>
</dl>
<p>Many designs fail on purpose: what is expected of a design is part of its scenario. Select a cell for what was found.</p>
</details>
"#;

fn head(report: &Report) -> String {
    let tally = report.tally();
    let designs: usize = report.scenarios.iter().map(|scenario| scenario.designs.len()).sum();
    let mut html = String::from("<h1>selvedge</h1>\n<ul class=\"tally\">\n");
    let scenarios = report.scenarios.len();
    let mut item = |class: &str, count: usize, what: &str| {
        let _ = writeln!(html, "<li class=\"{class}\"><b>{}</b> {what}</li>", thousands(count as u64));
    };
    item("quiet", scenarios, if scenarios == 1 { "scenario" } else { "scenarios" });
    item("quiet", designs, if designs == 1 { "design" } else { "designs" });
    item("good", tally.as_expected, "as expected");
    for (class, count, what) in [
        ("wrong", tally.unexpected, "not as expected"),
        ("open", tally.inconclusive, "inconclusive"),
        ("wrong", tally.broken, "where the harness failed"),
        ("quiet", tally.not_applicable, "not applicable"),
    ] {
        if count > 0 {
            item(class, count, what);
        }
    }
    html += "</ul>\n";
    if let Some(budget) = report.budget {
        let _ = writeln!(
            html,
            "<p class=\"quiet\">selvedge {}, seed {}, at most {} executions of a search, {} ms for each real engine.</p>",
            crate::report::json::SELVEDGE,
            budget.seed,
            thousands(budget.executions),
            thousands(budget.sampling_ms)
        );
    }
    html += &shards(report);
    html += &unexpected(report);
    html
}

/// Which parts of a run this is of, where it is not one run on one machine.
fn shards(report: &Report) -> String {
    let rounds: u32 = report.drawn.iter().fold(0, |sum, drawn| sum.saturating_add(drawn.rounds));
    let shards: Vec<String> = report.drawn.iter().map(|drawn| drawn.shard.to_string()).collect();
    let alone = rounds <= 1 && shards.iter().all(|shard| shard == "1/1");
    if alone {
        return String::new();
    }
    let plural = if shards.len() == 1 { "" } else { "s" };
    let rounds = if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
    format!("<p class=\"quiet\">Of shard{plural} {}, {rounds} in all.</p>\n", escaped(&shards.join(", ")))
}

/// Where to look first.
fn unexpected(report: &Report) -> String {
    let mut items = String::new();
    for (number, scenario) in report.scenarios.iter().enumerate() {
        for (place, design) in scenario.designs.iter().enumerate() {
            for cell in design.cells.iter().filter(|cell| cell.judgement.as_expected == Some(false)) {
                let _ = writeln!(
                    items,
                    "<li><a href=\"#{number}/{place}/{}\">{} / {} on {}</a>: {}, but {} was expected{}</li>",
                    cell.engine,
                    escaped(&scenario.name),
                    escaped(&design.name),
                    cell.engine,
                    cell.judgement.verdict.word(),
                    cell.expected,
                    terminal::perhaps(cell)
                );
            }
        }
    }
    if items.is_empty() {
        items
    } else {
        format!("<h2>Not as expected</h2>\n<ul class=\"unexpected\">\n{items}</ul>\n")
    }
}

/// The scenarios with their numbers, by the folder that their files lie in.
fn folders(report: &Report) -> BTreeMap<&str, Vec<(usize, &ScenarioReport)>> {
    let mut folders: BTreeMap<&str, Vec<(usize, &ScenarioReport)>> = BTreeMap::new();
    for (number, scenario) in report.scenarios.iter().enumerate() {
        folders.entry(folder(&scenario.file)).or_default().push((number, scenario));
    }
    folders
}

fn section(html: &mut String, number: usize, scenario: &ScenarioReport) {
    let search = format!("{} {} {}", scenario.name, scenario.question, scenario.file).to_lowercase();
    let _ = write!(
        html,
        "<section class=\"scenario\" data-search=\"{}\">\n<h3 id=\"s{number}\">{}</h3>\n<p class=\"question\">{}</p>\n",
        escaped(&search),
        escaped(&scenario.name),
        escaped(&scenario.question)
    );
    let _ = write!(
        html,
        "<div role=\"table\" class=\"table\" aria-labelledby=\"s{number}\">\n<div role=\"row\" class=\"row head\">"
    );
    html.push_str("<span role=\"columnheader\" class=\"name\">design</span>");
    for cell in scenario.designs.first().into_iter().flat_map(|design| &design.cells) {
        let _ = write!(html, "<span role=\"columnheader\">{}</span>", cell.engine);
    }
    html.push_str("</div>\n");
    for (place, design) in scenario.designs.iter().enumerate() {
        row(html, number, place, design);
    }
    html.push_str("</div>\n</section>\n");
}

fn row(html: &mut String, number: usize, place: usize, design: &DesignReport) {
    let _ = write!(
        html,
        "<div role=\"row\" class=\"row\" data-search=\"{}\" data-is=\"{}\"><span role=\"rowheader\" class=\"name\">{}</span>",
        escaped(&design.name.to_lowercase()),
        states(design).join(" "),
        escaped(&design.name)
    );
    for cell in &design.cells {
        let engine = cell.engine;
        let _ = write!(
            html,
            "<span role=\"cell\" class=\"{}\" data-engine=\"{engine}\"><a href=\"#{number}/{place}/{engine}\">{}</a></span>",
            class(cell),
            escaped(&phrase::cell(cell, phrase::short))
        );
    }
    html.push_str("</div>\n");
}

/// The names under which the filter finds a design.
fn states(design: &DesignReport) -> Vec<&'static str> {
    let any = |expected: Option<bool>| design.cells.iter().any(|cell| cell.judgement.as_expected == expected);
    let mut states = vec![if design.failed() { "failing" } else { "safe" }];
    states.extend(any(Some(false)).then_some("unexpected"));
    states.extend(any(None).then_some("inconclusive"));
    states
}

/// How a cell is coloured.
pub(super) fn class(cell: &Cell) -> &'static str {
    match (cell.judgement.as_expected, cell.judgement.verdict) {
        (Some(false), _) => "wrong",
        (None, _) => "open",
        (_, Verdict::NotApplicable) => "none",
        (_, Verdict::Safe) => "good",
        _ => "fails",
    }
}
