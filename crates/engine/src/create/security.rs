//! Capabilities, `--security-opt`, and what is hidden.

use diag::{Error, Result, codes};
use oci::spec::capability;

use super::{Setting, devices, file, flag, groups};
use crate::{
    capabilities,
    config::{SeccompChoice, Security},
    request::Given,
    values,
};

/// Decides all of it for a process of this uid.
pub(super) fn decide(setting: &Setting, uid: u32) -> Result<Security> {
    let (asked, conf) = (&setting.request.security, &setting.conf.containers);
    let privileged = flag(asked.privileged.as_ref(), conf.privileged.as_ref());
    let (add, drop) = (Capabilities::read(&asked.cap_add)?, Capabilities::read(&asked.cap_drop)?);
    let mut security = Security {
        bounding: bounding(setting, privileged, &add, &drop)?,
        held: (uid != 0 && !asked.cap_add.is_empty()).then(|| add.numbers()),
        keep_groups: groups::kept(setting.request)?,
        devices: devices::binds(setting)?,
        device_rules: devices::rules(&asked.device_cgroup_rule)?,
        seccomp: if privileged { SeccompChoice::Unconfined } else { usual_filter(setting)? },
        ..Security::default()
    };
    if privileged {
        security.masked.clear();
        security.read_only.clear();
    }
    asked.security_opt.iter().try_for_each(|given| option(&mut security, given))?;
    Ok(security)
}

/// A list of capabilities.
#[derive(Default)]
struct Capabilities<'a> {
    all: Option<&'a Given<String>>,
    one: Vec<(u8, Given<String>)>,
}

impl<'a> Capabilities<'a> {
    fn read(list: &'a [Given<String>]) -> Result<Capabilities<'a>> {
        let all = list.iter().find(|given| given.value.split(',').any(is_all));
        let given = values::commas(list)?;
        let one = given.into_iter().filter(|given| !is_all(&given.value)).map(|given| Ok((number(&given)?, given)));
        Ok(Capabilities { all, one: one.collect::<Result<_>>()? })
    }

    fn has(&self, number: u8) -> bool {
        self.one.iter().any(|(own, _)| *own == number)
    }

    fn numbers(&self) -> Vec<u8> {
        match self.all {
            Some(_) => (0..).take(capabilities::known()).collect(),
            None => self.one.iter().map(|(number, _)| *number).collect(),
        }
    }
}

fn is_all(word: &str) -> bool {
    word.eq_ignore_ascii_case("all")
}

fn number(given: &Given<String>) -> Result<u8> {
    capability::number(&given.value).ok_or_else(|| {
        let upper = given.value.to_ascii_uppercase();
        let error = Error::new(codes::UR0834, format!("there is no capability `{}`", given.value));
        given.blame(
            match oci::nearest(upper.trim_start_matches("CAP_"), capabilities::ALL.iter().map(|name| &name[4..])) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("capabilities(7) lists them; `all` means all"),
            },
        )
    })
}

/// The most that the container's processes can have; `None`: everything.
fn bounding(setting: &Setting, privileged: bool, add: &Capabilities, drop: &Capabilities) -> Result<Option<Vec<u8>>> {
    if let (Some(_), Some(drop)) = (add.all, drop.all) {
        return Err(drop.blame(Error::new(codes::UR0830, "all capabilities are given and taken away")));
    }
    if drop.all.is_some() {
        return Ok(Some(add.numbers()));
    }
    if let Some((_, both)) = drop.one.iter().find(|(number, _)| add.has(*number)) {
        let what = format!("the capability `{}` is given and taken away", both.value);
        return Err(both.blame(Error::new(codes::UR0830, what).help("leave one of them out")));
    }
    let all = privileged || add.all.is_some();
    if all && drop.one.is_empty() {
        return Ok(None);
    }
    let conf = &setting.conf.containers.default_capabilities;
    let base = match (all, conf.is_empty()) {
        (true, _) => (0..).take(capabilities::known()).collect(),
        (false, true) => capabilities::usual(),
        (false, false) => conf.iter().map(number).collect::<Result<_>>()?,
    };
    let added = add.one.iter().map(|(number, _)| *number);
    let mut numbers: Vec<u8> = base.into_iter().filter(|number| !drop.has(*number)).chain(added).collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Some(numbers))
}

/// The filter of containers.conf, or the usual one.
fn usual_filter(setting: &Setting) -> Result<SeccompChoice> {
    let profile = setting.conf.containers.seccomp_profile.as_ref().filter(|profile| !profile.value.is_empty());
    profile.map_or(Ok(SeccompChoice::Usual), filter)
}

fn filter(given: &Given<String>) -> Result<SeccompChoice> {
    if given.value == "unconfined" {
        return Ok(SeccompChoice::Unconfined);
    }
    serde_json::from_str(&file::read(given)?).map(SeccompChoice::Profile).map_err(|error| {
        let what = format!("the seccomp profile `{}` is not JSON", given.value);
        given.blame(Error::new(codes::UR0834, what).words(error))
    })
}

/// One `--security-opt`.
fn option(security: &mut Security, given: &Given<String>) -> Result<()> {
    let text = given.value.as_str();
    let (name, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
    let value = given.part(text.len() - value.len()..text.len());
    let list = || value.value.split(':').map(str::to_owned).filter(|path| !path.is_empty());
    match name {
        "no-new-privileges" => security.no_new_privileges = truth(&value)?,
        "seccomp" => security.seccomp = filter(&value)?,
        "apparmor" => security.apparmor = apparmor(&value)?,
        "label" => label(&value)?,
        "mask" => {
            list().try_for_each(|path| absolute(&value, &path))?;
            security.masked.extend(list());
        }
        "unmask" => list().try_for_each(|pattern| unmask(security, &value, &pattern))?,
        "systempaths" if value.value == "unconfined" => unmask(security, &value, "ALL")?,
        "proc-opts" => security.proc_options = value.value.split(',').map(str::to_owned).collect(),
        _ => {
            let names = "no-new-privileges, seccomp=, apparmor=, label=, mask=, unmask=, proc-opts= and systempaths=";
            return Err(given.blame(
                Error::new(codes::UR0806, format!("there is no security option `{text}`"))
                    .help(format!("the options are {names}")),
            ));
        }
    }
    Ok(())
}

fn truth(value: &Given<String>) -> Result<bool> {
    match value.value.as_str() {
        "" | "true" | "1" | "t" | "T" | "TRUE" | "True" => Ok(true),
        "false" | "0" | "f" | "F" | "FALSE" | "False" => Ok(false),
        other => Err(value.blame(Error::new(codes::UR0806, format!("`{other}` is neither true nor false")))),
    }
}

fn absolute(value: &Given<String>, path: &str) -> Result<()> {
    if path.starts_with('/') {
        return Ok(());
    }
    Err(value.blame(Error::new(codes::UR0806, format!("the path `{path}` is not absolute"))))
}

/// Takes what matches a pattern off the lists of what is hidden and of what may only be read.
fn unmask(security: &mut Security, value: &Given<String>, pattern: &str) -> Result<()> {
    if is_all(pattern) {
        security.masked.clear();
        security.read_only.clear();
        return Ok(());
    }
    absolute(value, pattern)?;
    security.masked.retain(|path| !matches(pattern, path));
    security.read_only.retain(|path| !matches(pattern, path));
    Ok(())
}

/// Whether a path matches a pattern in which `*` stands for any text without a slash and `?` for one such character.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.chars(), path.chars());
    loop {
        match pattern.next() {
            None => return path.next().is_none(),
            Some('*') => {
                let rest = path.as_str();
                let ends = rest.find('/').unwrap_or(rest.len());
                let tails = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).filter(|at| *at <= ends);
                return tails.into_iter().any(|at| matches(pattern.as_str(), &rest[at..]));
            }
            Some('?') if path.clone().next().is_some_and(|next| next != '/') => drop(path.next()),
            Some(plain) if path.next() == Some(plain) => {}
            Some(_) => return false,
        }
    }
}

/// A profile for a host with `AppArmor`.
fn apparmor(value: &Given<String>) -> Result<Option<String>> {
    if matches!(value.value.as_str(), "" | "unconfined") {
        return Ok(None);
    }
    if std::path::Path::new("/sys/kernel/security/apparmor").exists() {
        return Ok(Some(value.value.clone()));
    }
    let what = format!("the AppArmor profile `{}` cannot be had: this host has no AppArmor", value.value);
    Err(value.blame(
        Error::new(codes::UR0834, what)
            .fact("there is no /sys/kernel/security/apparmor")
            .help("leave the option out, or boot with the kernel parameter `apparmor=1 security=apparmor`"),
    ))
}

/// `label=`: nothing has a label where there is no `SELinux`.
fn label(value: &Given<String>) -> Result<()> {
    if matches!(value.value.as_str(), "disable" | "nested") {
        return Ok(());
    }
    let known = ["user:", "role:", "type:", "level:", "filetype:"].iter().any(|kind| value.value.starts_with(kind));
    let error = if known {
        Error::new(codes::UR0808, format!("`label={}` is not supported by this version", value.value))
            .fact("containers are kept apart by their user namespaces, with or without SELinux")
    } else {
        Error::new(codes::UR0806, format!("there is no label option `{}`", value.value))
            .help("the label options are disable, user:, role:, type:, level: and filetype:")
    };
    Err(value.blame(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(options: &[&str]) -> Result<Security> {
        let mut security = Security::default();
        let mut each = options.iter().map(|text| Given::unwritten((*text).to_owned()));
        each.try_for_each(|given| option(&mut security, &given)).map(|()| security)
    }

    #[test]
    fn what_is_hidden_and_what_is_not() {
        let usual = Security::default();
        let less = after(&["unmask=/proc/ac*:/proc/sys", "mask=/etc/x:/y"]).unwrap();
        assert_eq!(less.masked.len(), usual.masked.len() + 1);
        assert!(!less.masked.contains(&"/proc/acpi".to_owned()) && less.masked.contains(&"/y".to_owned()));
        assert!(!less.read_only.contains(&"/proc/sys".to_owned()));
        for all in ["unmask=ALL", "unmask=all", "systempaths=unconfined"] {
            let none = after(&[all]).unwrap();
            assert!(none.masked.is_empty() && none.read_only.is_empty(), "{all}");
        }
        for wrong in ["unmask=proc", "mask=x", "systempaths=x", "nonsense", "label=x", "no-new-privileges=maybe"] {
            assert_eq!(after(&[wrong]).unwrap_err().code(), codes::UR0806, "{wrong}");
        }
        assert!(after(&["no-new-privileges"]).unwrap().no_new_privileges);
        assert!(!after(&["no-new-privileges", "no-new-privileges:false"]).unwrap().no_new_privileges);
        assert_eq!(after(&["seccomp=unconfined"]).unwrap().seccomp, SeccompChoice::Unconfined);
        assert_eq!(after(&["seccomp=/no/such"]).unwrap_err().code(), codes::UR0831);
        assert_eq!(after(&["proc-opts=hidepid=2,subset=pid"]).unwrap().proc_options, ["hidepid=2", "subset=pid"]);
    }

    #[test]
    fn patterns() {
        for (pattern, path, fits) in [
            ("/proc/*", "/proc/acpi", true),
            ("/proc/*", "/proc/a/b", false),
            ("/p*c/ac?i", "/proc/acpi", true),
            ("/proc", "/proc/acpi", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
