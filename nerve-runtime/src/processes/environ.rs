//! What a process was started with.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The environment that a process began with.
pub(crate) struct Environ(Vec<u8>);

impl Environ {
    /// Takes the form of `/proc/PID/environ`: `NAME=value`, each ended by a zero byte.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "other systems do not show it"))]
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// A variable's value.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        let value = |entry: &'_ [u8]| entry.starts_with(name.as_bytes()) && entry.get(name.len()) == Some(&b'=');
        self.0.split(|byte| *byte == 0).find(|entry| value(entry)).map(|entry| OsStr::from_bytes(&entry[name.len() + 1..]))
    }

    /// Whether the variable has this value.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|found| found == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environ = Environ::new(b"XNERVE_LIFE=no\0NERVE_LIFE_2=no\0NERVE_LIFE=a=b\0LAST=1".to_vec());
        assert_eq!(environ.get("NERVE_LIFE"), Some(OsStr::new("a=b")));
        assert!(environ.has("LAST", "1"));
        assert_eq!(environ.get("NERVE"), None);
    }
}
