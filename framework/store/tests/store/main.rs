//! What the stores promise, told as stories; one file each.

mod basics;
mod crash;
mod damage;
mod folder;
mod full;
mod model;
mod support;
