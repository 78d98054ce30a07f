//! Images from archives that are made here, good ones and bad ones.
#![allow(clippy::disallowed_methods, reason = "tests stand outside of the store")]

mod hostile;
mod kept;
mod loading;
mod lookup;
mod pulling;
mod pushing;
mod removal;
mod sample;
mod saving;
