//! Shrinking can take a while: a terminal is told how far it is.

use crate::support::selvedge;
use nix::pty::{Winsize, openpty};
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn a_terminal_is_told_what_is_being_shrunk() {
    let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let pair = openpty(&size, None).expect("a terminal");
    let mut child = Command::new(selvedge().get_program())
        .args(["object_stack", "--design", "bare index", "--engine", "shuttle"])
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .stderr(Stdio::from(pair.slave))
        .spawn()
        .expect("the program starts");
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    let mut terminal = File::from(pair.master);
    // Linux tells the end of a terminal, the last process having closed it, by an error.
    while let Ok(count @ 1..) = terminal.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..count]);
    }
    let shown = String::from_utf8_lossy(&shown);
    assert!(child.wait().is_ok_and(|status| status.success()), "{shown}");
    for words in ["shrinking bare index on shuttle: ", " operations left, ", " programs tried"] {
        assert!(shown.contains(words), "`{words}` is not in\n{shown}");
    }
}
