//! Recordings, and the releases and works they belong to.

use super::{Fact, cell, free_text, joined, one_of, optional_cell, whole};
use crate::ident::{Isrc, Name, RecordingId, key_of};
use crate::ingest::{Column, Fault, Row};
use crate::store::statements::facts::{FactTable, RECORDING};

/// A class of content.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Music, and what says nothing of itself.
    #[default]
    Music,
    /// Rain, a fan, white noise.
    Noise,
    /// Speech.
    Speech,
}

impl Content {
    /// Reads `music`, `noise` or `speech`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "music" => Ok(Self::Music),
            "noise" => Ok(Self::Noise),
            "speech" => Ok(Self::Speech),
            _ => Err("not one of music, noise, speech"),
        }
    }

    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Music => "music",
            Self::Noise => "noise",
            Self::Speech => "speech",
        }
    }
}

/// How much of a recording was made by a machine.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Ai {
    /// Nothing, or nobody says.
    #[default]
    None,
    /// A part of it.
    Assisted,
    /// All of it.
    Generated,
}

impl Ai {
    /// Reads `none`, `assisted` or `generated`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "none" => Ok(Self::None),
            "assisted" => Ok(Self::Assisted),
            "generated" => Ok(Self::Generated),
            _ => Err("not one of none, assisted, generated"),
        }
    }

    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Assisted => "assisted",
            Self::Generated => "generated",
        }
    }
}

/// A recording of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its id.
    pub recording: RecordingId,
    /// What statements print.
    pub title: String,
    /// Its artists, by party id; rules count the first.
    pub artists: Vec<Name>,
    /// The label that released it, by party id.
    pub label: Option<Name>,
    isrc: Option<String>,
    duration_seconds: Option<u64>,
    /// What it is.
    pub content: Option<Content>,
    /// Who made it.
    pub ai: Option<Ai>,
    /// `domestic` or `overseas`.
    pub repertoire: Option<&'static str>,
    /// The releases it is on.
    pub releases: Vec<Name>,
    /// The work that it records.
    pub work: Option<Name>,
}

impl Recording {
    /// Drops what no settlement asks for.
    pub(super) fn forget_details(&mut self) {
        (self.isrc, self.duration_seconds) = (None, None);
        self.title.shrink_to_fit();
        self.artists.shrink_to_fit();
        self.releases.shrink_to_fit();
    }
}

impl Fact for Recording {
    const KIND: &'static str = "recordings";
    const COLUMNS: &'static [Column] = &[
        Column::required("recording"),
        Column::required("title"),
        Column::required("artist"),
        Column::optional("label"),
        Column::optional("isrc"),
        Column::optional("duration_seconds"),
        Column::optional("content"),
        Column::optional("ai"),
        Column::optional("repertoire"),
        Column::optional("release"),
        Column::optional("work"),
    ];
    const TABLE: &'static FactTable = &RECORDING;

    fn read(row: Row<'_>) -> Result<Self, Fault> {
        let isrc = |text: &str| Isrc::parse(text).map(|isrc| isrc.as_str().to_owned());
        Ok(Self {
            recording: cell(row, 0, RecordingId::parse)?,
            title: cell(row, 1, free_text)?,
            artists: cell(row, 2, Name::parse_list)?,
            label: optional_cell(row, 3, Name::parse)?,
            isrc: optional_cell(row, 4, isrc)?,
            duration_seconds: optional_cell(row, 5, whole)?,
            content: optional_cell(row, 6, Content::parse)?,
            ai: optional_cell(row, 7, Ai::parse)?,
            repertoire: optional_cell(row, 8, |text| one_of(text, &["domestic", "overseas"]))?,
            releases: optional_cell(row, 9, Name::parse_list)?.unwrap_or_default(),
            work: optional_cell(row, 10, Name::parse)?,
        })
    }

    fn key(&self) -> String {
        key_of([self.recording.as_str()])
    }

    fn cells(&self) -> Vec<Option<String>> {
        vec![
            Some(self.recording.to_string()),
            Some(self.title.clone()),
            Some(joined(&self.artists)),
            self.label.as_ref().map(Name::to_string),
            self.isrc.clone(),
            self.duration_seconds.map(|seconds| seconds.to_string()),
            self.content.map(|content| content.as_str().to_owned()),
            self.ai.map(|ai| ai.as_str().to_owned()),
            self.repertoire.map(str::to_owned),
            Some(joined(&self.releases)).filter(|releases| !releases.is_empty()),
            self.work.as_ref().map(Name::to_string),
        ]
    }
}
