//! The defaults of containers' options: `[containers]` of containers.conf, and what of `[engine]` is about them.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::{conf_file::given, request::Given};

/// Declares the values of a table: as they are read, as they are kept, and how a later file takes the place of an earlier one.
macro_rules! table {
    ($name:ident, $file:ident; $($one:ident: $kind:ty,)*; $($list:ident,)*) => {
        /// What the files say of one table; each value knows its line.
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $(#[doc = concat!("`", stringify!($one), "`")] pub $one: Option<Given<$kind>>,)*
            $(#[doc = concat!("`", stringify!($list), "`")] pub $list: Vec<Given<String>>,)*
        }

        #[derive(Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $file {
            $($one: Option<Spanned<$kind>>,)*
            $($list: Option<Vec<Spanned<Item>>>,)*
        }

        impl $name {
            /// Takes over what a later file says.
            pub(super) fn overlay(&mut self, path: &Path, text: &str, later: $file) {
                $(if let Some(value) = later.$one { self.$one = Some(given(path, text, value)); })*
                $(if let Some(list) = later.$list { extend(&mut self.$list, path, text, list); })*
            }
        }
    };
}

table! { Containers, ContainersTable;
    base_hosts_file: String, cgroupns: String, cgroups: String, env_host: bool, http_proxy: bool, init: bool, ipcns: String,
    log_driver: String, log_path: String, log_size_max: i64, log_tag: String, netns: String, no_hosts: bool, no_hostname: bool,
    oom_score_adj: i32, pidns: String, pids_limit: i64, privileged: bool, read_only: bool, seccomp_profile: String,
    apparmor_profile: String, label: bool, shm_size: String, tz: String, umask: String, userns: String, utsns: String,;
    annotations, default_capabilities, default_sysctls, default_ulimits, devices, dns_options, dns_searches, dns_servers, env,
}

table! { EngineDefaults, EngineTable;
    detach_keys: String, image_parallel_copies: u32, stop_timeout: u32,;
}

/// One of a list: a value, or `{append=true}`, which says that the list goes on where an earlier file's ended.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Item {
    Value(String),
    Attributes { append: bool },
}

fn extend(list: &mut Vec<Given<String>>, path: &Path, text: &str, later: Vec<Spanned<Item>>) {
    let appends = later.iter().any(|item| matches!(item.get_ref(), Item::Attributes { append: true }));
    if !appends {
        list.clear();
    }
    list.extend(later.into_iter().filter_map(|item| {
        let place = given(path, text, item);
        match place.value {
            Item::Value(value) => Some(Given { value, at: place.at }),
            Item::Attributes { .. } => None,
        }
    }));
}
