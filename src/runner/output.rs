//! What a worker prints: kept up to a bound, and counted beyond it.

use super::mapping::{anonymous_file, contents};
use nix::fcntl::{FallocateFlags, fallocate};
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are kept of what a worker prints.
const MAX_KEPT: u64 = 1 << 20;

/// Bytes beyond those that are kept which may lie about before their memory is given back.
const MAX_LEFT: u64 = 1 << 20;

/// An anonymous file that a worker prints to.
pub(super) struct Output {
    file: File,
    /// Up to where memory was given back.
    given_back: AtomicU64,
}

impl Output {
    pub(super) fn new() -> nix::Result<Self> {
        Ok(Output { file: anonymous_file("selvedge-log")?, given_back: AtomicU64::new(MAX_KEPT) })
    }

    /// Another handle, for the worker.
    pub(super) fn handle(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }

    fn printed(&self) -> u64 {
        self.file.metadata().map_or(0, |file| file.len())
    }

    /// Gives the memory back of what is not kept. To be called again and again while the worker runs.
    pub(super) fn cap(&self) {
        let (printed, from) = (self.printed(), self.given_back.load(Ordering::Relaxed));
        if printed < from.saturating_add(MAX_LEFT) {
            return;
        }
        let (Ok(offset), Ok(length)) = (i64::try_from(from), i64::try_from(printed - from)) else { return };
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        if fallocate(&self.file, hole, offset, length).is_ok() {
            self.given_back.store(printed, Ordering::Relaxed);
        }
    }

    /// What was printed, and what was left out of it.
    pub(super) fn text(mut self) -> std::io::Result<String> {
        let printed = self.printed();
        let kept = contents(&mut self.file, MAX_KEPT)?;
        let mut text = String::from_utf8_lossy(&kept).into_owned();
        if printed > MAX_KEPT {
            let more = printed - MAX_KEPT;
            text += &format!("\n… and {more} bytes more, which were not kept\n");
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let output = Output::new().expect("an anonymous file");
        let mut worker = output.handle().expect("a handle");
        for _ in 0..8 {
            worker.write_all(&vec![b'x'; MAX_KEPT as usize]).expect("it is written");
            output.cap();
        }
        use std::os::unix::fs::MetadataExt as _;
        let held = output.file.metadata().expect("it is there").blocks() * 512;
        assert!(held <= MAX_KEPT + 2 * MAX_LEFT, "{held} bytes are held");
        let text = output.text().expect("it is read");
        assert!(text.contains(&format!("{} bytes more", 7 * MAX_KEPT)));
        assert!(text.len() < 2 * MAX_KEPT as usize);
    }

    #[test]
    fn little_is_kept_as_it_is() {
        let output = Output::new().expect("an anonymous file");
        output.handle().expect("a handle").write_all(b"two\xffwords").expect("it is written");
        assert_eq!(output.text().expect("it is read"), "two\u{fffd}words");
    }
}
