# What stands on every page

skip-to-content = Skip to content
language = Language / 言語
rehearsal = Rehearsal: not a real entry
