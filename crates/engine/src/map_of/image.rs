//! Which ids the files of an image have.

use std::fmt::Write;

use diag::Result;
use idmap::{Kind, grouped};
use store::image::Images;

use super::Shown;
use crate::{
    Engine,
    accounts::{Accounts, Named},
    image_facts::Layers,
    request::Given,
};

/// How wide the longest bar is.
const BAR: usize = 32;
/// So many ids of a kind are shown.
const MOST: usize = 20;

/// One owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Whose.
    pub owner: Named,
    /// How many files.
    pub files: u64,
}

/// The owners of an image's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageIds {
    /// The image's name, as it was written.
    pub name: String,
    /// Its users, by rising ids.
    pub uids: Vec<Bar>,
    /// Its groups, by rising ids.
    pub gids: Vec<Bar>,
}

impl ImageIds {
    /// As bars of text.
    pub fn to_text(&self, ascii: bool) -> String {
        let mut text = format!("image {}: {} files\n", self.name, grouped(files(&self.uids)));
        for (kind, bars) in [(Kind::Uid, &self.uids), (Kind::Gid, &self.gids)] {
            text.push('\n');
            text.push_str(&table(kind, bars, ascii));
        }
        let _ = writeln!(text, "\nwhich map such an image needs: unroot map plan {}", self.name);
        text
    }
}

fn files(bars: &[Bar]) -> u64 {
    bars.iter().map(|bar| bar.files).sum()
}

fn table(kind: Kind, bars: &[Bar], ascii: bool) -> String {
    let rows: Vec<(String, String, u64)> = bars
        .iter()
        .map(|bar| (bar.owner.id.to_string(), bar.owner.name.clone().unwrap_or_default(), bar.files))
        .collect();
    let widest = |cells: &dyn Fn(&(String, String, u64)) -> usize| rows.iter().map(cells).max().unwrap_or(0);
    let (ids, names) = (widest(&|row| row.0.len()).max(4), widest(&|row| row.1.len()).max(4));
    let counts = widest(&|row| grouped(row.2).len()).max(5);
    let most = bars.iter().map(|bar| bar.files).max().unwrap_or(1).max(1);
    let mut text = format!("{:>ids$}  {:<names$}  {:>counts$}\n", kind.name(), "name", "files");
    for (id, name, count) in rows.iter().take(MOST) {
        let bar = bar(*count, most, ascii);
        let _ = writeln!(text, "{id:>ids$}  {name:<names$}  {:>counts$}  {bar}", grouped(*count));
    }
    if rows.len() > MOST {
        let _ = writeln!(text, "{:>ids$}  and {} more", "", rows.len() - MOST);
    }
    text
}

/// A bar in eighths of a character; what is there is seen, however little it is.
fn bar(count: u64, most: u64, ascii: bool) -> String {
    const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = u128::from(count) * (BAR as u128) * 8 / u128::from(most);
    let eighths = usize::try_from(eighths).unwrap_or(usize::MAX).clamp(1, BAR * 8);
    if ascii {
        return "#".repeat(eighths.div_ceil(8));
    }
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((!eighths.is_multiple_of(8)).then(|| EIGHTHS[eighths % 8 - 1]));
    bar
}

impl Engine<'_> {
    /// The owners of an image's files, as they were counted when it was unpacked.
    pub(super) fn show_image(&self, word: &Given<String>) -> Result<Shown> {
        let image = Images::of(&self.store).resolve(&word.value).map_err(|error| word.blame(error))?;
        let facts = Layers::open(&self.store, &image.layers)?.facts(&word.value)?;
        let accounts = Accounts { passwd: facts.passwd, group: facts.group };
        let bars = |kind: Kind, files: &std::collections::BTreeMap<u32, u64>| {
            files.iter().map(|(id, count)| Bar { owner: Named::of(&accounts, kind, *id), files: *count }).collect()
        };
        let (uids, gids) = (bars(Kind::Uid, &facts.uid_files), bars(Kind::Gid, &facts.gid_files));
        Ok(Shown::Image(Box::new(ImageIds { name: word.value.clone(), uids, gids })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_bars() {
        let bar = |id, name: Option<&str>, files| Bar { owner: Named { id, name: name.map(str::to_owned) }, files };
        let image = ImageIds {
            name: "redis:7".into(),
            uids: vec![bar(0, Some("root"), 11_842), bar(101, Some("redis"), 29), bar(1_000_650_000, None, 1)],
            gids: (0..25).map(|id| bar(id, None, u64::from(id) * 100)).collect(),
        };
        insta::assert_snapshot!(image.to_text(false));
        assert!(image.to_text(true).is_ascii());
    }
}
