# 買う人と 持ち主の ページ（やさしい日本語）

## 最初の ページ
start-title = ようこそ
start-heading = マイナンバーカードで 入場する チケット
start-what = チケットに カードを 登録します。当日は 入口で カードを 置き、数字 4けたを 入力します。
start-register = チケットを 買い、カードは まだの 方
start-register-what = お店から 届いた リンクを 開きます。ここに 貼り付ける ことも できます。
start-ticket = カードを 登録した 方
start-ticket-what = チケットの 状態を 見る。カードを なくした ときに 止める。

## チケットの 面
face-starts = { $starts } 開始
face-seat = 席
face-entrance = 入口
face-window = 入場できる 時間

## 約束
promise = お名前・住所・マイナンバーは 読み取りません
promise-more = 何を 読み取るか
promise-now = いま: カードの 電子証明書（利用者証明用）の 全体。この サーバーの メモリーの 中だけで 確かめ、保存しません。
promise-gate = 当日の 入口: その うち 256バイトだけ。
promise-kept = 残すもの: このイベントだけで 使う 照合用の 値と、証明書が イベントの 日まで 有効か どうか。値から カードの 中身は わかりません。
promise-dates = 電子証明書には 番号と 有効期限が あります。有効期限から 誕生日が わかる ことが ありますが、どちらも 残しません。顔写真や 署名用の 証明書は 読みません。

## 登録
register-title = カードの 登録
register-heading = チケットに カードを 登録します
register-how = すること
register-step-ready = 3つ 用意します。この パソコンに つないだ カードリーダー、マイナンバーカード、登録プログラム（kido-card。入れるのは 1回だけです）。
register-step-open = 下の ボタンで 登録プログラムを 開き、カードを 置きます。
register-step-digits = プログラムに 数字 4けた（利用者証明用）を 入力します。この ページには 入力しません。
helper-get = ここから 入手します（別の ページが 開きます）
helper-get-shop = 入手する 場所は お店が お知らせします。
open-helper = 登録プログラムを 開く
register-no-code = ページを 読み直したので、ここからは 開けません。届いた リンクを もう一度 開いて ください。
helper-not-opened = プログラムが 開かない とき
helper-by-hand = ターミナル（Windows では PowerShell）で 次の コマンドを 実行し、聞かれたら リンクを 貼り付けます。
copy-command = コマンドを コピー
copy-link = リンクを コピー
copied = コピーしました
register-waiting = カードを 待って います。この ページは 自動で 変わります。
register-talking = 登録プログラムと 通信して います
register-talking-next = プログラムの 案内に したがって ください。
register-bound = カードを 登録しました
register-bound-next = 当日は この カードを 入口で 置いて ください。
register-checked = 確かめたこと: 電子証明書が 正しい 発行元の もので、今日 有効な こと。この カードが その 鍵を 持って いる こと。確かめて いないこと: 紛失の 届け出などで 電子証明書が 失効して いないか（こちらには 知らされません）。
keep = 新しい リンクを 保管して ください
keep-what = 登録プログラムに、チケットの 新しい リンク（…/t#…）が 出て います。コピーするか、印刷して ください。前の リンクは もう 使えません。
keep-why = チケットを 見る ときと、カードを なくして チケットを 止める ときに 使います。だれにも 渡さないで ください。
keep-not-you = 登録したのが ご自分で ない ときは、すぐ お店に 知らせて ください。
register-no-script = この ページは JavaScript で 動きます。使えない ときは、ターミナルで kido-card register を 実行し、リンクを 貼り付けて ください。
card-ends = カードの 電子証明書は、イベントの 前に 期限が 切れます。更新すると カードの 鍵が 変わり、この チケットでは 入場できなく なります。更新したら、お店に 新しい リンクを 頼み、もう一度 登録して ください。
not-paid = お支払いの 確認が できて いません。期限までに お支払い ください。過ぎると チケットは お店に 戻ります。

## スマートフォン
phone-what = スマートフォンでは まだ 登録できません
phone-next = カードリーダーの ある パソコンで この リンクを 開くか、会場の 窓口へ お越し ください。
computer-needed = カードリーダーの ある パソコンか、会場の 窓口で できます。

## リンクを 手で 入れる
link-label = 届いた リンク
link-help = # の 後ろも 含めて、リンク 全体を 貼り付けて ください。
link-open = 開く

## カードで 開く
by-card = リンクが ない とき: カードで 開く
by-card-what = 登録した カードでも チケットを 開けます。カードリーダーの ある パソコンの ターミナル（Windows では PowerShell）で 次の コマンドを 実行します。
by-card-event = EVENT の ところに イベントの 番号を 入れます。番号は チケットの ページと その 印刷に あります。お店も 知って います。

## チケット
ticket-title = チケット
ticket-heading = チケットを 見る
ticket-opening = カードを 登録した ときの 新しい リンク（…/t#…）を 開いて ください。
ticket-no-script = この ページは JavaScript で 動きます。使えない ときは、ターミナルで kido-card show を 実行し、リンクを 貼り付けて ください。
ticket-ready = 使えます
ticket-ready-next = 当日は 登録した カードを 入口で 置き、数字 4けた（利用者証明用）を 入力します。
ticket-not-paid = お支払い 前
ticket-not-paid-next = 期限までに お支払い ください。過ぎると チケットは お店に 戻ります。
ticket-inside = 入場しました
ticket-inside-next = 心当たりが ない ときは、会場の 窓口へ 知らせて ください。
ticket-suspended = 停止中（カードの 紛失）
ticket-suspended-next = だれも この チケットで 入場できません。カードが 見つかったら、その カードで 元に 戻せます。
ticket-over = 受付は 終わりました
ticket-over-next = この チケットで 入場できる 時間は 過ぎました。
ticket-cancelled = 取り消されました
ticket-cancelled-next = くわしくは お店に お問い合わせ ください。
ticket-returned = お店に 返されました
ticket-returned-next = くわしくは お店に お問い合わせ ください。
ticket-replaced = カードで 確認したので、リンクが 新しく なりました。登録プログラムに 出た 新しい リンクを 開くと、続きが 見られます。
ticket-talking = 登録プログラムと 通信して います
actions = できること
try = カードを ためす
try-what = カードと 数字 4けたが 使えるか、前もって 確かめます。入場には なりません。
try-open = 登録プログラムを 開く
try-choose = 開いたら「カードを ためす・チケットを 見る」を 選びます。終わると 新しい リンクが 出ます。
lost = カードを なくした
lost-what = すぐに チケットを 止めます。見つけた 人も 入場できません。
lost-ask = チケットを 止めますか
lost-ask-what = 元に 戻せるのは、登録した カードだけです。カードそのものの 一時停止は、マイナンバー総合フリーダイヤルへ 別に 連絡して ください。
lost-yes = はい、止めます
lost-no = やめる
found = カードが 見つかった
found-what = 登録した カードと 数字 4けたで、チケットを 元に 戻します。
found-open = 登録プログラムを 開く
found-choose = 開いたら「カードが 見つかった」を 選びます。終わると 新しい リンクが 出ます。
print = 印刷する

## 記録
history = これまでの こと
history-kept = 時刻は 分まで、日本時間です。記録は { $until } まで 残し、その後 主催者が 消します。
history-bound = カードを 登録しました
history-shown = 登録した カードで 確認しました
history-suspended = { $by ->
    [holder] カードの 紛失で チケットを 止めました
    [operator] 主催者が チケットを 止めました
    [sales] お店が チケットを 止めました
   *[desk] 窓口で チケットを 止めました
}
history-resumed = { $by ->
    [holder] 登録した カードで チケットを 元に 戻しました
    [operator] 主催者が チケットを 元に 戻しました
    [sales] お店が チケットを 元に 戻しました
   *[desk] 窓口で チケットを 元に 戻しました
}
history-cancelled = { $by ->
    [holder] チケットを 取り消しました
    [operator] 主催者が チケットを 取り消しました
    [sales] お店が チケットを 取り消しました
   *[desk] 窓口で チケットを 取り消しました
}
history-paid = { $by ->
    [operator] 主催者が お支払いを 確認しました
   *[other] お店が お支払いを 確認しました
}
history-released = { $by ->
    [operator] 主催者が 予約を 取り消しました
   *[other] お店が 予約を 取り消しました
}
history-code-replaced = { $by ->
    [holder] リンクが 新しく なりました
    [operator] 主催者が 新しい リンクを 出しました
    [sales] お店が 新しい リンクを 出しました
   *[desk] 窓口で 新しい リンクを 出しました
}
history-admitted = 入口 { $entrance } で 入場しました
history-annulled = 入口 { $entrance } の 入場は 取り消されました（だれも 通って いません）
history-exited = 入口 { $entrance } から 出ました
# コードは pages.md のもの。
history-refused = 入口 { $entrance } で カードを 示しましたが、入場して いません：{ $code ->
    [12] ほかの 入口の チケット
    [13] 早すぎた
    [14] 終わって いた
    [15] チケットが 止まって いた
    [16] チケットが 取り消されて いた
    [17] お支払いが 確認できて いなかった
    [18] もう 入場して いた
    [19] 入場の 回数を 使いきって いた
    [23] 人数が 選ばれなかった
    [37] ゲートが 開いた 記録が なく、係員が 確認
    [38] ゲートが 開かなかった
   *[other] ゲートで 判断できなかった
}（{ $code }）
history-conflict = 入口 { $entrance } で 同じ チケットの 2回目の 入場が 見つかりました
history-conflict-settled = 入口 { $entrance } の 2回目の 入場は 重複では ありませんでした（もう 1つの 入場は 終わって いました）

## できない とき
excuse-incomplete-what = リンクが 途中で 切れて います
excuse-incomplete-next = メッセージに もどり、# の 後ろも 含めて リンク 全体を コピーして ください。
excuse-unknown-what = この リンクの チケットは ありません
excuse-unknown-next = リンクを もう一度 確かめて ください。合って いる ときは、お店に お問い合わせ ください。
excuse-used-what = この リンクは もう 使えません
excuse-used-next = カードを 登録した ときは、その とき 出た 新しい リンク（…/t#…）を 使います。心当たりが ない ときは、すぐ お店に 知らせて ください。
excuse-replaced-what = この リンクは 古く なりました
excuse-replaced-next = カードで 確認すると リンクが 新しく なります。いちばん 新しい リンクを 使うか、カードで 開いて ください。
excuse-cancelled-what = この チケットは 取り消されて います
excuse-cancelled-next = お店に お問い合わせ ください。
excuse-returned-what = この チケットは お店に 戻って います
excuse-returned-next = お店に お問い合わせ ください。
excuse-over-what = この チケットの 受付は 終わりました
excuse-over-next = 入場できる 時間が 過ぎたので、登録は できません。
excuse-is-holders-what = カードは もう 登録されて います
excuse-is-holders-next = これは チケットを 見る リンクです。チケットの ページで 開いて ください。
excuse-is-registration-what = カードが まだ 登録されて いません
excuse-is-registration-next = これは 登録の リンクです。カードの 登録の ページで 開いて ください。
excuse-too-many-tries-what = ちがう リンクが 続いたので、少し 止めて います
excuse-too-many-tries-next = 1分 待ってから、リンク 全体を もう一度 開いて ください。
excuse-other-tab-what = 別の タブで 別の チケットを 開きました
excuse-other-tab-next = この チケットの リンクを もう一度 開いて ください。何も 変わって いません。
excuse-page-over-what = この ページは もう 閉じて います
excuse-page-over-next = ページが 開いて いるのは 1時間までです。リンクを もう一度 開いて ください。
excuse-not-now-what = チケットの 状態が 変わったので、できませんでした
excuse-not-now-next = リンクを もう一度 開いて、状態を 確かめて ください。
unreachable = つながりません。通信を 確かめて ください。つながると この ページは 自動で 続きます。

## 間違いの ページ
error-home = 最初の ページへ
error-nothing-here-what = ここには 何も ありません
error-nothing-here-next = アドレスを 確かめるか、届いた リンクを もう一度 開いて ください。
error-not-understood-what = この 操作は できません
error-not-understood-next = リンクを もう一度 開いて、はじめから やり直して ください。
error-too-many-what = 回数が 多すぎます
error-too-many-next = 1分 待ってから、もう一度 お試し ください。
error-recovering-what = この 公演の 受付を 少しの あいだ 止めています
error-recovering-next = チケットは 無事です。登録した カードも そのまま 使えます。数分 待ってから、もう一度 お試し ください。
error-busy-what = いま 混み合って います
error-busy-next = 1分 待ってから、もう一度 お試し ください。
error-failed-what = こちらの 不具合で 表示できません
error-failed-next = 数分 待ってから、もう一度 お試し ください。チケットは そのままです。
error-trace = お問い合わせの 番号：{ $trace }
