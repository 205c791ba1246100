//! External actors: any command line can be an actor of a design, and is observed through files and output.
//!
//! Each execution has a scratch directory of its own, in which all its commands run. Limits: no checker sees into
//! a command, so these designs run on the engine `threads` alone, where each actor's thread starts its command and
//! waits; a command is a few milliseconds, so that samples are few and a rare failure is likely missed. A worker
//! that is killed leaves its scratch directory behind in the system's folder for temporary files.

use super::{Blank, Design, Engine};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Why no other engine runs external actors.
const NO_ENGINE_SEES: &str = "an external command is a process of its own, into which no checker sees";

/// How long a command may take if nothing else is said: less than an engine takes for a hang.
const LIMIT: Duration = Duration::from_secs(2);

/// How often a command that runs is looked at.
const LOOK: Duration = Duration::from_micros(500);

/// The directory of one execution, removed after it.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("selvedge-").tempdir();
        Self { folder: folder.expect("a scratch directory in the folder for temporary files") }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The text of a file in it; empty if there is no such file or it is no text.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Writes a file in it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a file in the scratch directory");
    }
}

/// A command line, its environment, its input and how long it may take.
#[derive(Clone, Debug)]
pub struct External {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    input: String,
    limit: Duration,
}

impl External {
    /// A program, by path or by name on the PATH.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            input: String::new(),
            limit: LIMIT,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable, beside those of this process.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What it reads from its standard input: nothing if never called.
    #[must_use]
    pub fn stdin(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    /// How long it may take before it is killed: 2 s if never called. An engine takes an execution of several
    /// seconds for a hang.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it in a directory.
    fn run(&self, folder: &Path) -> Ran {
        match self.try_run(folder) {
            Ok(ran) => ran,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ran::Missing,
            Err(error) => panic!("cannot run {}: {error}", self.program.display()),
        }
    }

    fn try_run(&self, folder: &Path) -> io::Result<Ran> {
        // Files rather than pipes: nothing fills up while it is waited for.
        let (mut input, mut output) = (tempfile::tempfile_in(folder)?, tempfile::tempfile_in(folder)?);
        input.write_all(self.input.as_bytes())?;
        input.rewind()?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(input)
            .stdout(output.try_clone()?)
            .stderr(Stdio::null())
            .spawn()?;
        let Some(status) = end_of(child, self.limit)? else { return Ok(Ran::TimedOut) };
        Ok(Ran::Ended { code: status.code(), output: text(&mut output)? })
    }
}

/// Waits for a command; one that is not done in time is killed, and there is no status.
fn end_of(mut child: Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// By itself.
    Ended {
        /// The exit code; none if a signal killed it.
        code: Option<i32>,
        /// What it wrote to its standard output.
        output: String,
    },
    /// It was killed, because it had not ended in time.
    TimedOut,
    /// There is no such program.
    Missing,
}

impl Ran {
    /// What it wrote to its standard output, without white space around it, if it ended with exit code 0.
    #[must_use]
    pub fn output(&self) -> Option<&str> {
        match self {
            Ran::Ended { code: Some(0), output } => Some(output.trim()),
            _ => None,
        }
    }
}

impl Design<(), (), super::design::Unobserved> {
    /// Starts a design whose actors are commands. `prepare` fills the scratch directory of each execution.
    ///
    /// ```
    /// use selvedge::prelude::*;
    ///
    /// selvedge::scenario!(appended);
    ///
    /// fn appended() -> Scenario<usize> {
    ///     let append = |word: &str| External::new("sh").args(["-c", &format!("echo {word} >> log")]);
    ///     Scenario::new("Two commands append a line each to a file. Are both there?")
    ///         .acceptable("both lines", |&lines| lines == 2)
    ///         .forbidden("a line is missing", |_| true)
    ///         .design("echo", Design::commands(|scratch| scratch.write("log", ""))
    ///             .command("A", append("a"))
    ///             .command("B", append("b"))
    ///             .observe(|scratch, _| scratch.read("log").lines().count()))
    /// }
    /// ```
    pub fn commands(prepare: impl Fn(&Scratch) + Send + Sync + 'static) -> Design<Scratch, Ran> {
        let scratch = move || {
            let scratch = Scratch::new();
            prepare(&scratch);
            scratch
        };
        let blank: Blank<Scratch> = Design::new(scratch);
        blank.begin().only_on(&[Engine::Threads], NO_ENGINE_SEES)
    }
}

impl Design<Scratch, Ran> {
    /// Adds a command as an actor, by name. It runs in the scratch directory.
    ///
    /// # Panics
    /// An execution panics if the command is there and cannot be run.
    #[must_use]
    pub fn command(self, name: &str, command: External) -> Self {
        self.actor(name, move |scratch: &Scratch| command.run(scratch.path()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> External {
        External::new("sh").args(["-c", script])
    }

    #[test]
    fn a_command_has_arguments_environment_input_and_a_folder() {
        let scratch = Scratch::new();
        let ran = sh("read word; echo $word $NAME > file; echo done").env("NAME", "value").stdin("input\n");
        assert_eq!(ran.run(scratch.path()).output(), Some("done"));
        assert_eq!(scratch.read("file"), "input value\n");
        let folder = scratch.path().to_owned();
        drop(scratch);
        assert!(!folder.exists());
    }

    #[test]
    fn a_failure_is_no_output_and_a_long_one_is_killed() {
        let scratch = Scratch::new();
        let failed = sh("echo early; exit 3").run(scratch.path());
        assert_eq!(failed, Ran::Ended { code: Some(3), output: "early\n".to_owned() });
        assert_eq!(failed.output(), None);
        let begun = Instant::now();
        let killed = External::new("sleep").args(["20"]).limit(Duration::from_millis(50)).run(scratch.path());
        assert_eq!(killed, Ran::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(External::new("no such program").run(scratch.path()), Ran::Missing);
    }
}
