//! placeholder until the harvest lands
pub fn harvest(into: &std::path::Path) -> std::io::Result<Vec<String>> {
    for layer in ["base", "tools"] {
        std::fs::create_dir(into.join(layer))?;
    }
    Ok(Vec::new())
}
