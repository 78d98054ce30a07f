//! The options of `run` and `create`, each seen from inside a container. One file a family.

mod process;
mod security;

use crate::home::Home;

/// What a script says in a container with these options.
#[track_caller]
pub fn script(home: &Home, options: &[&str], script: &str) -> String {
    home.says(&[&["run", "--rm"], options, &["box", "sh", "-c", script]].concat())
}

/// Each command line is refused with exit status 125 and this code.
#[track_caller]
pub fn refused(home: &Home, code: &str, cases: &[&[&str]]) {
    for options in cases {
        let (status, said) = home.fails(&[&["run", "--rm"], *options, &["box", "true"]].concat());
        assert!(status == 125 && said.contains(&format!("error[{code}]")), "{options:?}: {status} {said}");
    }
}
