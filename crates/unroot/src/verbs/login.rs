//! `unroot login`.

use std::path::PathBuf;

use clap::Args;
use diag::{Error, Result, codes};
use engine::{
    credentials::{Credential, Kept},
    login::{Logins, Reach, Server, not_logged_in},
    registries::Places,
};

use super::Verb;
use crate::{call::Call, console, prompt};

pub static VERB: Verb = Verb { name: "login", about: "Log in to a registry", args: Options::augment_args, run };

// `unroot login [OPTIONS] [REGISTRY]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot login registry.example.com
  unroot login -u anna --password-stdin registry.example.com/team < token
  unroot login --get-login docker.io")]
struct Options {
    /// The user's name
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// The password; others can see it in the list of processes
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    password: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Keep the login in this file
    #[arg(long, value_name = "PATH")]
    authfile: Option<PathBuf>,
    /// Take certificates for the registry (*.crt, *.cert, *.key) from this directory
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Only tell who is logged in
    #[arg(long)]
    get_login: bool,
    /// Verify certificates and refuse plain HTTP, or with `false` neither; registries.conf decides otherwise
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// Tell where the login is kept
    #[arg(short, long)]
    verbose: bool,
    /// The registry, or a part of it; the first one that short names are looked for in otherwise
    #[arg(value_name = "REGISTRY")]
    registry: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let reach = Reach {
        tls_verify: options.tls_verify,
        cert_dir: options.cert_dir.clone(),
        authfile: options.authfile.clone(),
    };
    let logins = Logins::open(Places::of_caller(), reach, !options.get_login)?;
    let written = call.words.operands_from(0, options.registry.clone().into_iter().collect()).pop();
    let server = logins.server(written.as_ref())?;
    if options.get_login {
        let known = logins.known(&server)?;
        console::line(known.as_ref().and_then(Credential::user).ok_or_else(|| not_logged_in(&server))?);
        return Ok(0);
    }
    let known = logins.known(&server)?;
    if options.username.is_none() && options.password.is_none() && still_good(&logins, &server, known.as_ref()) {
        return Ok(0);
    }
    let (user, password) = who(&options, &server, known.as_ref())?;
    logins.check(&server, &Credential::Basic { user: user.clone(), password: password.clone() })?;
    let kept = logins.keep(&server, &user, &password)?;
    console::line("Login Succeeded!");
    if options.verbose {
        match kept {
            Kept::File(path) => console::line(format!("Used: {}", path.display())),
            Kept::Helper(name) => console::line(format!("Used: docker-credential-{name}")),
        }
    }
    Ok(0)
}

/// Whether the registry still accepts what is known.
fn still_good(logins: &Logins, server: &Server, known: Option<&Credential>) -> bool {
    let Some(known) = known else { return false };
    let good = logins.check(server, known).is_ok();
    if good {
        console::line(format!("Existing credentials are valid. Already logged in to {}", server.key));
    }
    good
}

/// The name and the password: as given, or else asked for.
fn who(options: &Options, server: &Server, known: Option<&Credential>) -> Result<(String, String)> {
    let missing = |what: &str| {
        Error::new(codes::UR0806, format!("{what} for `{}` was given, and there is no terminal to ask on", server.key))
            .help_run("give both", format!("unroot login --username NAME --password-stdin {}", server.key))
    };
    let user = match (&options.username, known.and_then(Credential::user)) {
        (Some(user), _) => user.clone(),
        (None, _) if !prompt::somebody() => return Err(missing("no user's name")),
        (None, Some(before)) => {
            let answer = prompt::line(&format!("Username ({before}): "))?;
            if answer.is_empty() { before.to_owned() } else { answer }
        }
        (None, None) => prompt::line("Username: ")?,
    };
    if user.is_empty() || user.contains(':') {
        return Err(Error::new(codes::UR0806, "a user's name is neither empty nor has a colon in it"));
    }
    let password = match &options.password {
        Some(password) => password.clone(),
        None if options.password_stdin => prompt::piped()?,
        None if prompt::somebody() => prompt::secret("Password: ")?,
        None => return Err(missing("no password")),
    };
    if password.is_empty() {
        return Err(Error::new(codes::UR0806, "the password is empty"));
    }
    Ok((user, password))
}
