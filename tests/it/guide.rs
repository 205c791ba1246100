//! The guide's worked example: what it shows is what the program prints.

use crate::support::{root, selvedge};

/// A command of the guide, and what is shown of its output: nothing, if that is described.
struct Shown {
    arguments: Vec<String>,
    output: String,
}

/// The arguments of a command line, in which double quotes hold words together.
fn arguments(line: &str) -> Vec<String> {
    let mut parts = line.split('"').enumerate();
    let mut arguments = Vec::new();
    for (number, part) in &mut parts {
        match number % 2 {
            0 => arguments.extend(part.split_whitespace().map(str::to_owned)),
            _ => arguments.push(part.to_owned()),
        }
    }
    arguments
}

fn worked_example() -> Vec<Shown> {
    let guide = std::fs::read_to_string(root().join("src/guide.md")).expect("the guide");
    let blocks = guide.split("```console\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let shown = blocks.map(|(block, _)| {
        let (command, output) = block.split_once('\n').expect("a line");
        let command = command.strip_prefix("$ selvedge ").expect("a command of the program");
        Shown { arguments: arguments(command), output: output.to_owned() }
    });
    shown.collect()
}

/// The text without what differs from run to run: tokens and seconds.
fn steady(text: &str) -> String {
    let line = |line: &str| {
        let line = match line.find("sv5_") {
            Some(at) => format!("{}sv5_…", &line[..at]),
            None => line.to_owned(),
        };
        match line.rsplit_once(", in ") {
            Some((before, after)) if after.ends_with(" s") => format!("{before}, in … s"),
            _ => line,
        }
    };
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_worked_example_is_what_the_program_prints() {
    let examples = worked_example();
    assert_eq!(examples.len(), 3);
    let mut token = None;
    for shown in examples {
        let arguments = shown.arguments.iter().map(|argument| match argument.as_str() {
            "sv5_…" => token.clone().expect("an earlier command has printed a token"),
            argument => argument.to_owned(),
        });
        let mut command = selvedge();
        let assert = command.args(arguments).current_dir(root()).assert().success();
        let output = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        if let Some(found) = output.lines().find_map(|line| line.strip_prefix("selvedge replay ")) {
            token = Some(found.to_owned());
        }
        if shown.output.is_empty() {
            let report: serde_json::Value = serde_json::from_str(&output).expect("JSON");
            let cell = &report["scenarios"][0]["designs"][0]["engines"][0];
            assert_eq!((&cell["verdict"], &cell["evidence"]["kind"]), (&"safe".into(), &"exhaustive".into()));
        } else {
            assert_eq!(steady(&output), steady(&shown.output), "of {:?}", shown.arguments);
        }
    }
}
