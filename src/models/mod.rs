//! Models of the protocols, explored by loom.
