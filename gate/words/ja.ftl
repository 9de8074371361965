# The lane's sentences in plain Japanese: short, です・ます, numerals. A space stands where a line may break.

## What to do
idle = マイナンバーカードを 置いてください
reading = そのまま お待ちください
ask-pin = 数字 4けたの 暗証番号（利用者証明用）を 入力してください
ask-pin-at-reader = カードリーダーの ボタンで 数字 4けたの 暗証番号（利用者証明用）を 入力してください
tries-left = あと { $tries } 回 入力できます
proving = そのまま お待ちください
pin-gone = 暗証番号は 残りません
ask-party = 何人で 入りますか
ask-leaving = 何人で 出ますか
party-most = { $most } 人まで
welcome = ようこそ。{ $zone } { $seats }
goodbye = ありがとう ございました
take-card = カードを お取りください
card-forgotten = トレーに カードが 残っています

## Before a proof
desk = 係員の いる 窓口へ お進みください
other-entrance = 入口 { $zone } へ お進みください
too-early = { $time } から 入場できます
too-late = 受付時間が 終わりました。窓口へ お進みください
not-my-number-card = このカードは 使えません。マイナンバーカードを 置いてください
unreadable = 読み取れませんでした。もう一度 置いてください
card-left = 入場するには、カードを もう一度 置いて、そのまま お待ちください
phone = スマートフォンは まだ 使えません。カードを 置くか、窓口へ お進みください
no-pin = このカードは 暗証番号が ありません。窓口へ お進みください
pin-locked = 暗証番号が ロックされています。窓口へ お進みください（解除は 市区町村で できます）
too-few-tries = カードを 守るため、ここでは 入力できません。窓口へ お進みください
wrong-pin = 暗証番号が ちがいます。あと { $tries } 回です。カードを 取って、もう一度 置いてください
proof-failed = 確認できませんでした。窓口へ お進みください
one-moment = 少し お待ちください
lane-closed = このレーンは 使えません。となりの レーンへ どうぞ

## Which part of a closed lane is out of order, for staff
part-line = 通信が つながりません
part-replica = データが 古くなっています
part-clock = 時計が 合っていません
part-storage = 記録が できません
part-reader = カードリーダーが 動いていません
part-barrier = ゲートの バーが 動いていません

## After a proof
suspended = このチケットは 停止中です（紛失の 届け出）。窓口へ お進みください
cancelled = このチケットは 取り消されています。窓口へ お進みください
not-paid = お支払いの 確認が できていません。窓口へ お進みください
already-in = { $time } に 入場済みです。窓口へ お進みください
already-in-by = { $time } 入口 { $entrance } で 入場済みです。窓口へ お進みください
spent = このチケットは 使用済みです
stored-not-opened = 入場は 記録されました。係員を お呼びします

## Around the sentence
rehearsal = リハーサル：本番の 入場では ありません
another-day = { $month }月{ $day }日 { $clock }
