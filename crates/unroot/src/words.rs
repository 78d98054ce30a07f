//! The words of the command line, and which of them clap gave to which option: so that a diagnostic can point at one.

use std::{collections::HashMap, env, ops::Range, sync::Arc};

use clap::{Arg, Command};
use diag::{Error, Origin, Result, codes};
use engine::request::Given;

/// The command line as it was written, the program's name first.
pub type Argv = Arc<[String]>;

/// This process's command line. OCI documents hold text, so bytes that are none are refused here.
pub fn from_env() -> Result<Argv> {
    let words: Vec<_> = env::args_os().collect();
    let mut lossy: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(program) = lossy.first_mut()
        && let Some((_, name)) = program.rsplit_once('/')
    {
        // Where it lies says nothing about what was asked.
        *program = name.to_owned();
    }
    let lossy: Argv = lossy.into();
    match words.iter().position(|word| word.to_str().is_none()) {
        None => Ok(lossy),
        Some(index) => Err(Error::new(codes::UR0806, format!("argument {index} is not valid UTF-8")).at(Origin::Arg {
            argv: lossy,
            index,
            range: None,
        })),
    }
}

/// Where each option's values and each operand stand.
pub struct Words {
    argv: Argv,
    places: HashMap<String, Vec<Place>>,
    /// Where the group before the verb stands, if there is one.
    group: Option<usize>,
    /// Where the verb stands.
    verb: Option<usize>,
    /// `--` was written.
    closed: bool,
}

/// An argument, and the bytes of it that are meant, if not all are.
type Place = (usize, Option<Range<usize>>);

/// What the operands are filed under.
const OPERANDS: &str = "";

impl Words {
    /// Walks a command line that `command` has accepted. `command` is the top one; `verb` gives a leaf's arguments.
    pub fn locate(argv: &Argv, command: &Command, leaf: &Command) -> Words {
        let mut words =
            Words { argv: Arc::clone(argv), places: HashMap::new(), group: None, verb: None, closed: false };
        let mut level = command;
        let mut index = 1;
        while index < argv.len() {
            let word = argv[index].as_str();
            let is_leaf = std::ptr::eq(level, leaf);
            if word == "--" && is_leaf {
                words.closed = true;
                words.operands(index + 1..argv.len());
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                index += words.long(level, index, long);
            } else if word.len() > 1 && word.starts_with('-') {
                index += words.cluster(level, index);
            } else if is_leaf {
                index = words.operand(leaf, index);
            } else {
                // The leaf was made apart (its arguments are filled in late), so it replaces the entry of its name.
                level = level.find_subcommand(word).filter(|next| next.has_subcommands()).unwrap_or(leaf);
                words.group = words.verb.replace(index);
                index += 1;
            }
        }
        words
    }

    /// Where the words of somebody else's program begin, if that verb was called at the first level or below one of these groups, and the
    /// user has not marked it with `--`.
    pub fn end_of_options(&self, groups: &[&str], verb: &str) -> Option<usize> {
        let called = self.verb.is_some_and(|index| self.argv[index] == verb)
            && self.group.is_none_or(|index| groups.contains(&&*self.argv[index]));
        let (first, _) = self.places.get(OPERANDS)?.first()?;
        (called && !self.closed).then_some(*first)
    }

    /// Files an operand; where the operands take everything that follows (a container's command), all the rest too.
    fn operand(&mut self, leaf: &Command, index: usize) -> usize {
        let trailing = leaf.get_positionals().any(Arg::is_trailing_var_arg_set);
        let end = if trailing { self.argv.len() } else { index + 1 };
        self.operands(index..end);
        end
    }

    fn operands(&mut self, range: Range<usize>) {
        let words = self.places.entry(OPERANDS.to_owned()).or_default();
        words.extend(range.map(|index| (index, None)));
    }

    /// Files `--name=value` or `--name value`; how many words it was.
    fn long(&mut self, level: &Command, index: usize, long: &str) -> usize {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        let Some(arg) = find(level, |arg| arg.get_long_and_visible_aliases().is_some_and(|all| all.contains(&name)))
        else {
            return 1;
        };
        let start = self.argv[index].len() - value.map_or(0, str::len);
        self.file(arg, index, value.map(|_| start))
    }

    /// Files `-abc`, `-uvalue`, `-u=value` or `-u value`; how many words it was.
    fn cluster(&mut self, level: &Command, index: usize) -> usize {
        let argv = Arc::clone(&self.argv);
        for (at, short) in argv[index].char_indices().skip(1) {
            let Some(arg) = find(level, |arg| arg.get_short() == Some(short)) else { continue };
            if takes_next(arg) {
                let rest = &argv[index][at + short.len_utf8()..];
                let start = at + short.len_utf8() + usize::from(rest.starts_with('='));
                return self.file(arg, index, (!rest.is_empty()).then_some(start));
            }
        }
        1
    }

    /// Files a value that begins at byte `start` of this word, or is the next word.
    fn file(&mut self, arg: &Arg, index: usize, start: Option<usize>) -> usize {
        let place = match start {
            Some(start) => (index, Some(start..self.argv[index].len())),
            None if takes_next(arg) => (index + 1, None),
            None => (index, None),
        };
        let length = place.0 - index + 1;
        self.places.entry(arg.get_id().to_string()).or_default().push(place);
        length
    }

    /// Where the `nth` value of an option (or, with the empty name, the `nth` operand) stands.
    fn origin(&self, id: &str, nth: usize) -> Option<Origin> {
        let (index, range) = self.places.get(id)?.get(nth)?.clone();
        (index < self.argv.len()).then(|| Origin::Arg { argv: Arc::clone(&self.argv), index, range })
    }

    /// An option's only value, with its place (the last one's, as the last one counts).
    pub fn one<T>(&self, id: &str, value: T) -> Given<T> {
        let last = self.places.get(id).map_or(0, |places| places.len().saturating_sub(1));
        Given { value, at: self.origin(id, last) }
    }

    /// An option's values, with their places.
    pub fn each<T>(&self, id: &str, values: Vec<T>) -> Vec<Given<T>> {
        values.into_iter().enumerate().map(|(nth, value)| Given { value, at: self.origin(id, nth) }).collect()
    }

    /// Operands beginning with the `first`, with their places.
    pub fn operands_from<T>(&self, first: usize, values: Vec<T>) -> Vec<Given<T>> {
        let place = |(nth, value)| Given { value, at: self.origin(OPERANDS, first + nth) };
        values.into_iter().enumerate().map(place).collect()
    }
}

fn find(level: &Command, wanted: impl Fn(&Arg) -> bool) -> Option<&Arg> {
    level.get_arguments().find(|arg| wanted(arg))
}

/// Whether an option's value may be the next word. (A switch takes one only behind `=`.)
fn takes_next(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}
