//! `selvedge init`: what a package needs for scenarios, added to it.

use super::new::scenario_template;
use super::package::Package;
use super::{ALL_AS_EXPECTED, INTERNAL, USAGE, fail, fail_to_print, file};
use clap::Args;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

#[derive(Debug, Args)]
#[command(
    after_help = "Adds to the package of this folder, where it is not there yet: selvedge as a dev-dependency, a test \
                  target `scenarios`, the line of build.rs by which cargo notices new files, optimisation of \
                  dependencies, and a first scenario. Says what it did; called again, it does nothing."
)]
pub(super) struct Arguments {
    /// Depend on selvedge in this folder, as it is written here, and not on what is published
    #[arg(long, value_name = "DIR")]
    path: Option<String>,
}

/// The test target.
const HARNESS: &str = "//! Every scenario on every engine.\n\nselvedge::harness!();\n";

/// The line of a build script.
const NOTICE: &str = "println!(\"cargo::rerun-if-changed=scenarios\");";

/// The name of the first scenario.
const FIRST: &str = "first_visitors";

/// One thing that is to be done.
struct Step {
    path: PathBuf,
    text: String,
    /// What it adds, as a fragment.
    what: Vec<String>,
}

/// Adds what is missing, and says what that was.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let planned = Package::around(Path::new(".")).and_then(|package| {
        let steps = plan(&package, arguments.path.as_deref())?;
        Ok((package, steps))
    });
    let (package, steps) = match planned {
        Ok(planned) => planned,
        Err(why) => return fail(USAGE, &why),
    };
    let mut text = String::new();
    for step in &steps {
        let folder = step.path.parent().unwrap_or(&package.root);
        let made = std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()));
        if let Err(error) = made.and_then(|()| file::write(&step.path, step.text.as_bytes())) {
            return fail(INTERNAL, &error);
        }
        let shown = step.path.strip_prefix(&package.root).unwrap_or(&step.path).display();
        for what in &step.what {
            text += &format!("{shown}: {what}\n");
        }
    }
    text += match steps.is_empty() {
        true => "everything is there already: nothing was changed\n",
        false => "run it: INSTA_UPDATE=always cargo test --test scenarios\n",
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(ALL_AS_EXPECTED),
        Err(error) => fail_to_print(&error),
    }
}

/// All that is to be written. Nothing is written before all of it is known.
fn plan(package: &Package, path: Option<&str>) -> Result<Vec<Step>, String> {
    let manifest_path = package.root.join("Cargo.toml");
    let mut manifest = package.manifest.clone();
    let mut what = Vec::new();
    what.extend(dependency(&mut manifest, &package.root, path)?);
    what.extend(test_target(&mut manifest)?);
    let workspace = package.workspace()?;
    if workspace.is_none() {
        what.extend(profile(&mut manifest));
    }
    let mut steps = Vec::new();
    steps.extend(changed(manifest_path, &package.text, &manifest, what));
    if let Some((path, text, mut manifest)) = workspace {
        let what = profile(&mut manifest).into_iter().collect();
        steps.extend(changed(path, &text, &manifest, what));
    }
    steps.extend(harness(&package.root)?);
    steps.extend(build_script(package)?);
    steps.extend(first_scenario(&package.root));
    Ok(steps)
}

fn changed(path: PathBuf, text: &str, manifest: &DocumentMut, what: Vec<String>) -> Option<Step> {
    let now = manifest.to_string();
    (!what.is_empty() && now != text).then_some(Step { path, text: now, what })
}

/// The entry of a manifest, or a new and empty table.
fn table<'a>(manifest: &'a mut DocumentMut, name: &str) -> Result<&'a mut dyn toml_edit::TableLike, String> {
    let entry = manifest.entry(name).or_insert_with(|| Item::Table(Table::new()));
    entry.as_table_like_mut().ok_or_else(|| format!("Cargo.toml: `{name}` is no table"))
}

fn dependency(manifest: &mut DocumentMut, root: &Path, path: Option<&str>) -> Result<Option<String>, String> {
    let known = |table: &str| manifest.get(table).and_then(|table| table.get("selvedge"));
    // The facade alone is for the code under test; tests need the rest.
    let is_whole = |spec: &Item| {
        let whole = spec.get("default-features").and_then(Item::as_bool) != Some(false);
        let features = spec.get("features").and_then(Item::as_array);
        whole || features.is_some_and(|all| all.iter().any(|feature| feature.as_str() == Some("harness")))
    };
    if known("dev-dependencies").is_some() || known("dependencies").is_some_and(is_whole) {
        return Ok(None);
    }
    let same = known("dependencies").and_then(|spec| spec.get("path")).and_then(Item::as_str);
    let same = same.map(str::to_owned);
    let path = path.or(same.as_deref());
    let (spec, shown) = match path {
        None => {
            // What is compatible: the first number that is not 0, and what stands before it.
            let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
            (value(version), format!("\"{version}\""))
        }
        Some(path) => {
            if !root.join(path).join("Cargo.toml").is_file() {
                return Err(format!("--path {path}: there is no Cargo.toml in that folder"));
            }
            let mut spec = InlineTable::new();
            spec.insert("path", Value::from(path));
            (Item::Value(Value::InlineTable(spec)), format!("{{ path = \"{path}\" }}"))
        }
    };
    let table = table(manifest, "dev-dependencies")?;
    let sorted = table.iter().map(|(name, _)| name.to_owned()).is_sorted();
    table.insert("selvedge", spec);
    if sorted && let Some(table) = manifest["dev-dependencies"].as_table_mut() {
        table.sort_values();
    }
    Ok(Some(format!("dev-dependency selvedge = {shown}")))
}

fn test_target(manifest: &mut DocumentMut) -> Result<Option<String>, String> {
    let tests = manifest.entry("test").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(tests) = tests.as_array_of_tables_mut() else {
        return Err("Cargo.toml: `test` is no list of tables `[[test]]`".to_owned());
    };
    let named = |table: &Table| table.get("name").and_then(Item::as_str) == Some("scenarios");
    let words = "test target `scenarios`, with a harness of its own".to_owned();
    if let Some(known) = tests.iter_mut().find(|table| named(table)) {
        if known.get("harness").and_then(Item::as_bool) == Some(false) {
            return Ok(None);
        }
        known.insert("harness", value(false));
        return Ok(Some(words));
    }
    let mut target = Table::new();
    target.insert("name", value("scenarios"));
    target.insert("harness", value(false));
    tests.push(target);
    Ok(Some(words))
}

/// Checkers that are not optimised take ten times as long.
fn profile(manifest: &mut DocumentMut) -> Option<String> {
    let optimised = |profile: Option<&Item>| {
        let all = profile?.get("package")?.get("*")?;
        Some(all.get("opt-level").is_some())
    };
    let dev = manifest.get("profile").and_then(|profile| profile.get("dev"));
    let itself = dev.and_then(|dev| dev.get("opt-level")).is_some_and(|level| level.as_integer() != Some(0));
    if itself || optimised(dev) == Some(true) {
        return None;
    }
    let implicit = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    let mut item = manifest.entry("profile").or_insert_with(implicit);
    for name in ["dev", "package"] {
        item = item.as_table_like_mut()?.entry(name).or_insert_with(implicit);
    }
    let mut all = Table::new();
    all.insert("opt-level", value(3));
    item.as_table_like_mut()?.insert("*", Item::Table(all));
    Some("optimised dependencies in [profile.dev.package.\"*\"]".to_owned())
}

fn harness(root: &Path) -> Result<Option<Step>, String> {
    let path = root.join("tests/scenarios.rs");
    match std::fs::read_to_string(&path) {
        Ok(text) if text.contains("selvedge::harness!") => Ok(None),
        Ok(_) => {
            Err("tests/scenarios.rs is there, and does not call `selvedge::harness!()`: nothing was changed"
                .to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Some(Step { path, text: HARNESS.to_owned(), what: vec!["the test target".to_owned()] }))
        }
        Err(error) => Err(format!("cannot read tests/scenarios.rs: {error}")),
    }
}

fn build_script(package: &Package) -> Result<Option<Step>, String> {
    let build = package.manifest.get("package").and_then(|package| package.get("build"));
    let named = match build {
        Some(Item::Value(Value::Boolean(runs))) if !*runs.value() => {
            return Err(
                "Cargo.toml: `build = false`, and a build script has to tell cargo of new scenarios: \
                        nothing was changed"
                    .to_owned(),
            );
        }
        Some(Item::Value(Value::String(path))) => path.value().clone(),
        _ => "build.rs".to_owned(),
    };
    let path = package.root.join(&named);
    let what = vec!["the line by which cargo notices new scenarios".to_owned()];
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!(
                "//! Lets cargo notice a scenario that is new or gone.\n\nfn main() {{\n    {NOTICE}\n}}\n"
            );
            return Ok(Some(Step { path, text, what }));
        }
        Err(error) => return Err(format!("cannot read {named}: {error}")),
    };
    if text.contains("rerun-if-changed=scenarios") {
        return Ok(None);
    }
    let Some(text) = with_line_in_main(&text) else {
        return Err(format!(
            "{named} has no line `fn main() {{`: put `{NOTICE}` into it, and call this again"
        ));
    };
    Ok(Some(Step { path, text, what }))
}

/// The same build script, with our line as the first of `main`.
fn with_line_in_main(text: &str) -> Option<String> {
    let mut begun = 0;
    for line in text.split_inclusive('\n') {
        begun += line.len();
        let code = line.trim_end();
        if code.starts_with("fn main()") && code.ends_with('{') {
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            let (before, after) = text.split_at(begun);
            return Some(format!("{before}    {NOTICE}{end}{after}"));
        }
    }
    None
}

fn first_scenario(root: &Path) -> Option<Step> {
    let folder = root.join("scenarios");
    let mut files = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
    let inhabited =
        files.any(|entry| entry.path().is_dir() || entry.path().extension().is_some_and(|end| end == "rs"));
    let what = vec!["a first scenario, with comments".to_owned()];
    (!inhabited).then(|| Step {
        path: folder.join(format!("{FIRST}.rs")),
        text: scenario_template(FIRST),
        what,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(edit: impl Fn(&mut DocumentMut)) -> impl Fn(&str) -> String {
        move |text| {
            let mut manifest = text.parse().expect("a manifest");
            edit(&mut manifest);
            manifest.to_string()
        }
    }

    #[test]
    fn a_manifest_keeps_its_looks() {
        let add = with(|manifest| {
            dependency(manifest, Path::new("/"), None).expect("a manifest");
            test_target(manifest).expect("a manifest");
            profile(manifest);
        });
        let text = "# ours\n[package]\nname = \"x\" # a name\nversion='1.0.0'\n\n[dev-dependencies]\nproptest = \"1\"\nzebra  =  \"1\" # last\n";
        let expected = "# ours\n[package]\nname = \"x\" # a name\nversion='1.0.0'\n\n[dev-dependencies]\nproptest = \"1\"\n\
                        selvedge = \"0.1\"\nzebra  =  \"1\" # last\n\n[[test]]\nname = \"scenarios\"\nharness = false\n\n\
                        [profile.dev.package.\"*\"]\nopt-level = 3\n";
        assert_eq!(add(text), expected);
        assert_eq!(add(expected), expected, "a second time changes nothing");
    }

    #[test]
    fn what_is_there_in_another_form_is_left_alone() {
        let add = with(|manifest| {
            dependency(manifest, Path::new("/"), None).expect("a manifest");
            test_target(manifest).expect("a manifest");
            profile(manifest);
        });
        let text = "[dependencies]\nselvedge = { version = \"0.1\", features = [\"facade\"] }\n[[test]]\nname = \"other\"\n\
                    [[test]]\nname = \"scenarios\"\nharness = false\n[profile.dev]\nopt-level = 1\n";
        assert_eq!(add(text), text);
        let facade = "[dependencies]\nselvedge = { version = \"0.1\", default-features = false, features = [\"facade\"] }\n";
        assert!(add(facade).contains("\n[dev-dependencies]\nselvedge = \"0.1\"\n"), "{}", add(facade));
        let unharnessed = "[dev-dependencies.selvedge]\npath = \"x\"\n[[test]]\nname = \"scenarios\"\n[profile.dev.package.\"*\"]\nopt-level = 2\n";
        assert_eq!(
            add(unharnessed),
            unharnessed.replace("\"scenarios\"\n", "\"scenarios\"\nharness = false\n")
        );
    }

    #[test]
    fn our_line_comes_first_in_main() {
        let script = "//! Docs.\n\nfn main() {\n    other();\n}\n";
        let expected = format!("//! Docs.\n\nfn main() {{\n    {NOTICE}\n    other();\n}}\n");
        assert_eq!(with_line_in_main(script), Some(expected));
        let fallible = "fn main() -> Result<(), E> {\r\n    Ok(())\r\n}\r\n";
        assert!(with_line_in_main(fallible).is_some_and(|text| text.contains(&format!("    {NOTICE}\r\n"))));
        assert_eq!(with_line_in_main("include!(\"x\");"), None);
    }
}
