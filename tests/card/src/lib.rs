#![doc = include_str!("../README.md")]

pub mod card;
pub mod character;
pub mod control;
pub mod der;
pub mod issuer;
pub mod planted;
pub mod samples;
pub mod stack;
pub mod vpcd;
