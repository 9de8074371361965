//! A page as it looks: at each size, light and dark, held against axe-core and kept as a picture.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Axe, Browser, BrowserError, Finding};
use crate::harness::HarnessError;

/// Where the pictures go below the folder of the build.
const PICTURES: &str = "screenshots";

/// Tallest picture, in pixels: a table of a thousand rows need not be kept whole.
const PICTURE_HEIGHT_MAX: u64 = 6_000;

/// A size of the window, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How wide.
    pub width: u32,
    /// How high.
    pub height: u32,
}

/// A phone held upright, and a small computer.
pub const PAGE: [Size; 2] = [Size { width: 390, height: 844 }, Size { width: 1_280, height: 800 }];

/// The lane's screen: a pillar, and a small computer.
pub const GATE: [Size; 2] = [Size { width: 1_080, height: 1_920 }, Size { width: 1_280, height: 800 }];

/// Light or dark, as the person has set the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The folder of all pictures; made where it is not there.
pub(super) fn pictures_folder(axe: &Axe) -> Result<PathBuf, BrowserError> {
    let path = axe.target().join(PICTURES);
    std::fs::create_dir_all(&path).map_err(|source| HarnessError::File { path: path.clone(), source })?;
    Ok(path)
}

impl Browser {
    /// Looks at the page as it stands, at these sizes, light and dark: keeps the pictures under this name, and gives all
    /// that is wrong with it.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn look(&self, name: &str, sizes: [Size; 2]) -> Result<Vec<Finding>, BrowserError> {
        let mut findings = Vec::new();
        for scheme in [Scheme::Light, Scheme::Dark] {
            for (place, size) in sizes.into_iter().enumerate() {
                self.show_as(size, scheme).await?;
                self.picture(name, size, scheme).await?;
                findings.extend(self.too_wide(size).await?);
                // Structure does not change with colours, nor colours with the size.
                match (scheme, place) {
                    (Scheme::Light, _) => findings.extend(self.axe().await?),
                    (Scheme::Dark, 0) => findings.extend(self.contrast().await?),
                    (Scheme::Dark, _) => {}
                }
            }
        }
        self.show_as(sizes[0], Scheme::Light).await?;
        findings.sort();
        findings.dedup();
        Ok(findings)
    }

    /// Shows the page at a size and in a scheme from now on, and waits until it is drawn.
    pub(super) async fn show_as(&self, size: Size, scheme: Scheme) -> Result<(), BrowserError> {
        let Size { width, height } = size;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme.name() },
            { "name": "prefers-reduced-motion", "value": if scheme == Scheme::Dark { "reduce" } else { "no-preference" } },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        self.drawn().await
    }

    /// Shows the page at a size from now on.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn resize(&self, size: Size) -> Result<(), BrowserError> {
        self.show_as(size, Scheme::Light).await
    }

    async fn drawn(&self) -> Result<(), BrowserError> {
        let script = "const done = arguments[arguments.length - 1]; \
            requestAnimationFrame(() => requestAnimationFrame(() => done(true)));";
        self.client.execute_async(script, Vec::new()).await?;
        Ok(())
    }

    async fn picture(&self, name: &str, size: Size, scheme: Scheme) -> Result<(), BrowserError> {
        let height = self.ask("return document.documentElement.scrollHeight").await?.as_u64().unwrap_or_default();
        let height = height.clamp(u64::from(size.height), PICTURE_HEIGHT_MAX);
        let clip = json!({ "x": 0, "y": 0, "width": size.width, "height": height, "scale": 1 });
        let options = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.devtools("Page.captureScreenshot", options).await?;
        let data = answer.get("data").and_then(Value::as_str).and_then(|data| STANDARD.decode(data).ok());
        let data = data.ok_or_else(|| HarnessError::Shape { what: "a picture", text: name.to_owned() })?;
        let path = self.pictures.join(format!("{name}.{}x{}.{}.png", size.width, size.height, scheme.name()));
        Ok(std::fs::write(&path, data).map_err(|source| HarnessError::File { path, source })?)
    }

    /// A page that must be moved sideways to be read is wrong by itself (WCAG 2.2, 1.4.10).
    async fn too_wide(&self, size: Size) -> Result<Option<Finding>, BrowserError> {
        let width = self.ask("return document.documentElement.scrollWidth").await?.as_u64().unwrap_or_default();
        Ok((width > u64::from(size.width)).then(|| Finding {
            impact: "serious".to_owned(),
            rule: "reflow".to_owned(),
            places: vec![format!("{width} pixels wide in a window of {}", size.width)],
        }))
    }
}
