# どのページにも ある ことば

skip-to-content = 本文へ
language = 言語 / Language
rehearsal = リハーサル：本番の 入場では ありません
