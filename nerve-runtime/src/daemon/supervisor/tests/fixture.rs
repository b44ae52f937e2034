//! What the children of these tests do. Each is this binary again, told by `FIXTURE` what to be.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nerve_core::wire::{FrameReader, Manifest, PROTOCOL, ToDaemon, ToWorker, encode};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(120);

#[test]
fn fixture() {
    let Ok(what) = std::env::var("FIXTURE") else { return };
    let (key, births) = (variable("FIXTURE_KEY"), variable("FIXTURE_BIRTHS"));
    let earlier = std::fs::read_to_string(&births).unwrap_or_default().lines().filter(|line| line.starts_with(&format!("{key} "))).count();
    note(&key, std::process::id());
    let channel = variable("NERVE_CHANNEL").parse().expect("a number");
    if what == "worker" {
        let channel = crate::worker::Channel::inherit(channel).expect("a channel");
        let runtime = channel.runtime().expect("a runtime");
        let _inside = runtime.enter();
        // Nobody but the one that stands in will ever look at it.
        let _ends = channel.open().expect("a thread");
        // One below it, and one that nobody is above any more.
        let below = Command::new("setsid").args(["sleep", "120"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        note("below", below.expect("it starts").id());
        let orphan = Command::new("sh").args(["-c", "setsid sleep 120 > /dev/null 2>&1 & echo $!"]).stdin(Stdio::null()).output();
        let orphan = String::from_utf8(orphan.expect("it ends").stdout).expect("a number");
        note("orphan", orphan.trim().parse().expect("a number"));
        sleep(FOR_EVER);
    }
    let mut child = Child { channel: crate::worker::inherit(channel).expect("a channel"), reader: FrameReader::default() };
    let Some(ToWorker::Hello { drain_ms, .. }) = child.hear() else { leave(9) };
    match what.as_str() {
        "echo" => {}
        "crash" => {
            child.ready();
            sleep(Duration::from_millis(50));
            leave(1);
        }
        "crash once" if earlier == 0 => {
            child.ready();
            sleep(Duration::from_millis(50));
            leave(1);
        }
        "crash once" => {}
        "crash three times" if earlier < 3 => leave(1),
        "crash three times" => {}
        "crash at once" => leave(1),
        "exit well" => {
            child.ready();
            leave(0);
        }
        "never ready" => sleep(FOR_EVER),
        "ready late" => sleep(Duration::from_millis(700)),
        "last words" => {
            child.ready();
            eprintln!("the last words of {}", std::process::id());
            leave(3);
        }
        "words once" => {
            if earlier == 0 {
                eprintln!("only the first says this");
            }
        }
        "much stderr" => {
            let line = [vec![b'x'; 1023], vec![b'\n']].concat();
            (0..2048).for_each(|_| std::io::stderr().write_all(&line).expect("somebody reads"));
        }
        "deaf to shutdown" => child.serve(|child, frame| {
            if let ToWorker::Ping { n } = frame {
                child.echo(n);
            }
        }),
        "slow to stop" => child.serve(|child, frame| match frame {
            ToWorker::Ping { n } => child.echo(n),
            ToWorker::Shutdown => {
                child.say("shutdown");
                sleep(Duration::from_millis(400));
                leave(0);
            }
            _ => {}
        }),
        "crash when told to stop" => child.serve(|_, frame| {
            if frame == ToWorker::Shutdown {
                leave(1)
            }
        }),
        "never reads" => {
            child.ready();
            sleep(FOR_EVER);
        }
        "reads late" => {
            child.ready();
            while !std::path::Path::new("go").exists() {
                sleep(Duration::from_millis(5));
            }
        }
        "flood" => {
            child.ready();
            let line = "x".repeat(1000);
            loop {
                child.say(&line);
            }
        }
        "close the channel" => {
            child.ready();
            drop(child);
            sleep(FOR_EVER);
            leave(0);
        }
        "deaf" => {
            child.channel.shutdown(std::net::Shutdown::Read).expect("a socket");
            child.ready();
            sleep(FOR_EVER);
        }
        "talk before ready" => {
            child.say("too early");
            sleep(FOR_EVER);
        }
        "another protocol" => {
            child.write(&ToDaemon::Ready { protocol: PROTOCOL + 1, sdk: String::new(), manifest: Manifest::default() });
            sleep(FOR_EVER);
        }
        "no frame" => {
            child.ready();
            child.channel.write_all(&[0, 0, 0, 2, b'{', b'{']).expect("somebody reads");
            sleep(FOR_EVER);
        }
        "grandchild" => {
            let grandchild = Command::new("setsid").args(["sleep", "120"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
            note(&format!("{key}/grandchild"), grandchild.expect("it starts").id());
        }
        "environment" => {
            child.ready();
            let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            names.sort();
            child.say(&names.join(" "));
        }
        "drain time" => {
            child.ready();
            child.say(&format!("drain {}", drain_ms.expect("it is told")));
        }
        other => panic!("no fixture {other}"),
    }
    child.serve(|child, frame| match frame {
        ToWorker::Ping { n } => child.echo(n),
        ToWorker::Shutdown => {
            child.say("shutdown");
            leave(0);
        }
        _ => {}
    });
}

struct Child {
    channel: UnixStream,
    reader: FrameReader,
}

impl Child {
    fn ready(&mut self) {
        self.write(&ToDaemon::Ready { protocol: PROTOCOL, sdk: String::new(), manifest: Manifest::default() });
    }

    fn say(&mut self, line: &str) {
        self.write(&ToDaemon::Log { line: line.to_owned() });
    }

    fn echo(&mut self, n: u64) {
        self.say(&format!("echo {n} from {}", std::process::id()));
    }

    fn write(&mut self, frame: &ToDaemon) {
        let mut bytes = Vec::new();
        encode(frame, &mut bytes).expect("it is short");
        if self.channel.write_all(&bytes).is_err() {
            leave(8);
        }
    }

    fn hear(&mut self) -> Option<ToWorker> {
        let mut bytes = [0; 64 * 1024];
        loop {
            if let Some(frame) = self.reader.next_frame().expect("frames") {
                return Some(frame.expect("a known kind"));
            }
            match self.channel.read(&mut bytes) {
                Ok(n @ 1..) => self.reader.push(&bytes[..n]),
                _ => return None,
            }
        }
    }

    /// Says that it is ready and answers until the channel ends. One that said so before says it again, which is nothing.
    fn serve(&mut self, answer: impl Fn(&mut Self, ToWorker)) {
        self.ready();
        while let Some(frame) = self.hear() {
            answer(self, frame);
        }
        leave(7);
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("it is given")
}

fn note(key: &str, pid: u32) {
    let mut file = File::options().append(true).create(true).open(variable("FIXTURE_BIRTHS")).expect("a file");
    file.write_all(format!("{key} {pid}\n").as_bytes()).expect("it is written");
}

#[expect(clippy::exit, clippy::disallowed_methods, reason = "how it ends is what is tested")]
fn leave(code: i32) -> ! {
    std::process::exit(code)
}
