//! The lane's rules by name, played with a real card: every signature is one, every certificate byte too.

mod afterwards;
mod arbitrary;
mod card;
mod entering;
mod leaving;
mod table;
mod timing;
