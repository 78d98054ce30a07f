//! The runtime in the hands of an ordinary user.
