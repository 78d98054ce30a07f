//! Images: a record a reference, the documents they name, and where they come from.
