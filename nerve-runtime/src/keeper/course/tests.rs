//! Streams whose writers and files are pipes of the test.

use std::io::{PipeReader, Write, pipe};
use std::os::fd::OwnedFd;

use super::*;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);
/// More than a pipe holds.
const MUCH: usize = 1024 * 1024;

/// A file that takes nothing more once its pipe is full.
fn slow_file() -> (PipeReader, File) {
    let (reader, writer) = pipe().expect("a pipe");
    (reader, File::from(OwnedFd::from(writer)))
}

#[test]
fn what_cannot_be_written_is_waited_for_beyond_the_silence() {
    let mut course = Course::new();
    let (mut written, file) = slow_file();
    let progress = course.capture(Some(io::repeat(7).take(MUCH as u64)), file);
    // It is read only after what would be a silence, so that the copying is blocked all that time.
    let reader = thread::spawn(move || {
        thread::sleep(SHORT * 3);
        let mut all = Vec::new();
        written.read_to_end(&mut all).map(|_| all.len())
    });
    course.until_all_is_captured(SHORT, LONG);
    assert!(progress.closed());
    assert!(!progress.truncated());
    assert_eq!(reader.join().expect("it ends").expect("it reads"), MUCH);
}

#[test]
fn what_was_not_written_to_the_limit_is_on_record_as_left_out() {
    let mut course = Course::new();
    let (_written, file) = slow_file();
    let (_, other) = slow_file();
    let stdout = course.capture(Some(io::repeat(7).take(MUCH as u64)), file);
    let stderr = course.capture(Some(io::empty()), other);
    course.until_all_is_captured(LOOK, SHORT);
    assert_eq!((stdout.closed(), stdout.truncated()), (false, true));
    assert!(!stderr.truncated(), "each stream for itself");
}

#[test]
fn a_silent_stream_that_somebody_else_holds_is_not_waited_for_and_is_whole() {
    let mut course = Course::new();
    let (reader, mut writer) = pipe().expect("a pipe");
    writer.write_all(b"said").expect("it takes it");
    let (_written, file) = slow_file();
    let progress = course.capture(Some(reader), file);
    let begun = Instant::now();
    course.until_all_is_captured(SHORT, LONG);
    assert!(begun.elapsed() < LONG);
    assert_eq!((progress.closed(), progress.truncated()), (false, false));
}
