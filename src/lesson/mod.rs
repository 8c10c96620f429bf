//! Lessons: the model, reading them from YAML, the catalogue of embedded ones, and judging expectations. Pure.

pub mod bounds;
pub mod catalogue;
pub mod challenge;
mod challenge_lint;
pub mod detour;
pub mod expect;
pub mod finding;
mod given;
pub mod invisible_characters;
pub mod lab_answer;
pub mod lint;
pub mod minutes;
pub mod model;
pub mod parse;
pub mod programs;
pub mod quiz;
pub mod suggestion;
pub mod texts;
mod typed_answer;
pub mod warm_up;
