//! Records of a log file, and of the one that was put aside before it (`NAME.1`).

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use super::record::{self, Record};

/// A log that is read on where it stopped.
pub(super) struct FileSource {
    path: PathBuf,
    /// What is open, and its inode.
    open: Option<(File, u64)>,
    /// The beginning of a record.
    rest: Vec<u8>,
}

impl FileSource {
    pub(super) fn new(path: PathBuf) -> FileSource {
        FileSource { path, open: None, rest: Vec::new() }
    }

    /// Where the file is.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.path.parent().map(PathBuf::from)
    }

    /// What has come since the last time; at the first time, all that there is. A file that is not there has nothing yet.
    pub(super) fn read(&mut self) -> Vec<Record> {
        let mut bytes = std::mem::take(&mut self.rest);
        if let Some((file, _)) = &mut self.open {
            let _ = file.read_to_end(&mut bytes);
        } else {
            let _ = File::open(self.aside()).and_then(|mut file| file.read_to_end(&mut bytes));
        }
        let inode = fs::metadata(&self.path).map_or(0, |found| found.ino());
        if self.open.as_ref().is_none_or(|(_, open)| *open != inode)
            && let Ok(mut file) = File::open(&self.path)
        {
            let _ = file.read_to_end(&mut bytes);
            self.open = Some((file, inode));
        }
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.rest = bytes.split_off(whole);
        bytes.split(|&byte| byte == b'\n').filter_map(record::parse).collect()
    }

    fn aside(&self) -> PathBuf {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        aside.into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_that_is_put_aside_is_read_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let line = |text: &str| format!("2026-11-21T20:00:00.000000000+00:00 stdout F {text}\n");
        let texts = |source: &mut FileSource| {
            source.read().iter().map(|record| String::from_utf8(record.text.clone()).unwrap()).collect::<Vec<_>>()
        };
        fs::write(dir.path().join("log.1"), line("old")).unwrap();
        let mut source = FileSource::new(path.clone());
        let mut file = File::create(&path).unwrap();
        write!(file, "{}{}", line("one"), &line("two")[..40]).unwrap();
        assert_eq!(texts(&mut source), ["old", "one"]);
        write!(file, "{}", &line("two")[40..]).unwrap();
        write!(file, "{}", line("three")).unwrap();
        fs::rename(&path, dir.path().join("log.1")).unwrap();
        fs::write(&path, line("four")).unwrap();
        assert_eq!(texts(&mut source), ["two", "three", "four"]);
        assert!(texts(&mut source).is_empty());
    }
}
