# カードの登録のページの言葉（やさしい日本語）。

## Frame
page-title = カードの登録
page-skip = 本文へ
page-rehearsal = リハーサル：本番では ありません
page-language = 言語 / Language
page-way = 手順
page-way-ticket = チケット
page-way-card = カード
page-way-digits = 暗証番号
page-way-done = 完了
page-no-script = このページには JavaScript が 必要です。使えないときは、端末で kido-card register を 実行してください。
page-about = このチケット
page-more = くわしく
page-stop = やめる
page-go-on = つぎへ
page-again = もう一度
page-again-other-card = 別のカードで もう一度
page-again-link = 別のリンクを 入れる
page-close = 保管しました。終わる
page-finish = 終わる
page-fact-event = イベント
page-fact-starts = 開始
page-fact-seat = 席
page-fact-entrance = 入口
page-fact-state = 状態
page-fact-window = 入場できる時間
page-fact-address = 登録先
page-window = { $from } から { $until } まで
page-state = { $state ->
    [reserved] 予約中
    [unbound] カード未登録
    [bound] カード登録済み
    [suspended] 停止中（紛失の 届け出）
    [returned] 返却済み
    [cancelled] 取り消し済み
   *[other] 状態不明
}

## Steps
page-starting = 準備しています
page-link = 届いた リンクを 入れてください
page-link-next = メールなどで 届いた リンクを コピーして、ここに 貼り付けます。
page-link-field = リンク
page-link-help = https://…/r#… または https://…/t#…　# の うしろまで 全部
page-which = なにを しますか
page-which-next = どちらも、カードと 暗証番号が 必要です。
page-which-show = カードを ためす・チケットを 見る
page-which-resume = カードが 見つかった（停止を やめる）
page-host = はじめての 登録先です
page-host-next = お店や 主催者の 名前ですか。知らない 名前なら、やめてください。まだ なにも 送っていません。
page-host-field = 登録先の 名前
page-host-help = 上の 名前を そのまま 入力します。つぎからは 聞きません。
page-host-send = この登録先を 使う
page-asking = 登録先に 問い合わせています
page-put-card = マイナンバーカードを 置いてください
page-put-card-next = 終わるまで、そのまま 置いておきます。
page-put-card-reader = リーダー: { $reader }
page-reading = 読み取っています。カードは そのまま
page-pin = 暗証番号を 入力してください
page-pin-at-reader = カードリーダーの ボタンで 暗証番号を 入力してください
page-pin-at-reader-next = 数字4けた（利用者証明用）を 入力して、OKボタンを 押してください。あと { $tries } 回です。
page-pin-bind = このチケットに、カードを 登録します。登録すると、このカードでだけ 入場できます。
page-pin-prove = カードが あなたのものか 確かめます。入場には なりません。
page-place = 席 { $seat }　入口 { $entrance }
page-pin-field = 数字4けた（利用者証明用）　あと { $tries } 回
page-pin-help = 画面には 出ません。カードだけに 送り、すぐ 消します。
page-pin-send-bind = 確認して 登録する
page-pin-send = 確認する
page-signing = 確認しています
page-signing-next = カードは そのまま お待ちください。
page-sending = 結果を 送っています
page-sending-next = カードを 取って かまいません。暗証番号は 消しました。
page-bound = 登録できました
page-bound-next = カードを お取りください。当日は このカードで 入場します。
page-resumed = 停止を やめました
page-resumed-next = カードを お取りください。まだ 入場できるかは、チケットの ページに あります。
page-shown = カードは 使えます
page-shown-next = カードを お取りください。なにも 変わっていません。
page-closed = 終わりました
page-closed-next = このページを 閉じて かまいません。

## The holder's link
page-holder = あなたの 新しい リンク
page-holder-keep = 今だけ 表示します。前の リンクは もう 使えません。かぎのように 保管し、だれにも 渡さないでください。チケットの 確認と、カードを なくしたときに 使います。
page-holder-picture = 新しい リンクの QRコード
page-holder-copy = コピー
page-holder-print = 印刷
page-holder-copied = コピーしました。安全な ところに 貼り付けて、保管してください。
page-holder-not-copied = コピーできませんでした。リンクを 選んで コピーするか、印刷してください。

## The page's own end
page-lost = プログラムは 終わりました
page-lost-next = このページを 閉じて、リンクを もう一度 開いてください。
page-taken = このページは 別のところで 開かれました
page-taken-next = 安全のため 終わりました。閉じて、リンクを もう一度 開いてください。ほかの人が このパソコンを 使っているかも しれません。
page-stopped = やめました
page-stopped-next = カードを お取りください。続けるときは、リンクを もう一度 開いてください。
page-unattended = 時間が たったので 終わりました
page-unattended-next = カードを お取りください。続けるときは、リンクを もう一度 開いてください。
page-broken = プログラムが 動きません
page-broken-next = 閉じて、リンクを もう一度 開いてください。続くときは、お店に お問い合わせください。
page-host-list = 登録先の 一覧が 読めません
page-host-list-next = このパソコンに くわしい人に 見てもらってください。下に くわしく 書いてあります。

## Reader and card
page-no-reader = カードリーダーを つないでください
page-no-reader-next = USB の リーダーを つなぐと、自動で 進みます。
page-no-service = スマートカードの サービスが 動いていません
page-no-service-next = Linux では pcscd を 入れて 起動します（apt install pcscd）。Windows では「Smart Card」サービスを 開始します。
page-several-readers = どの リーダーを 使いますか
page-several-readers-next = カードを 置く リーダーを 選んでください。
page-reader-failed = リーダーが 応答しません
page-reader-failed-next = リーダーを 抜いて、もう一度 差してください。
page-no-card = カードが 置かれませんでした
page-no-card-next = カードを リーダーの まんなかに 置いてから、もう一度 押してください。
page-card-left = カードが 早く 取られました
page-card-left-next = もう一度 置いて、終わるまで そのままに してください。
page-card-in-use = ほかの プログラムが カードを 使っています
page-card-in-use-next = 税の ソフトや ほかの ブラウザーを 閉じてください。
page-card-mute = カードが 応答しません
page-card-mute-next = 裏返すか、置き直してください。
page-card-unreadable = カードを 読み取れませんでした
page-card-unreadable-next = もう一度 置いてください。続くときは、市区町村に ご相談ください。
page-not-my-number-card = マイナンバーカードでは ありません
page-not-my-number-card-next = マイナンバーカードに 替えてください。
page-phone = スマートフォンは まだ 使えません
page-phone-next = カードを 置いてください。

## The PIN
page-wrong-pin = 暗証番号が ちがいます。あと { $tries } 回です
page-wrong-pin-next = 利用者証明用の 数字4けたか、よく 確かめてください。思い出せないときは やめて、市区町村で 再設定してください。
page-pin-not-entered = カードリーダーで 暗証番号が 入力されませんでした
page-pin-not-entered-next = 回数は 減っていません。もう一度はじめて、カードリーダーの ボタンで 数字4けたを 入力してください。
page-pin-malformed = 数字4けたでは ありません
page-pin-malformed-next = 暗証番号は 数字4けたです。カードには なにも 送っていません。
page-last-try = あと 1 回しか 入力できません
page-last-try-next = カードが ロックされないように、ここでは もう 入力できません。市区町村で 再設定できます。
page-pin-locked = 暗証番号が ロックされています
page-pin-locked-next = 市区町村の 窓口で 解除できます。そのあと、リンクを もう一度 開いてください。
page-no-pin = このカードには 暗証番号が ありません
page-no-pin-next = 主催者の 窓口で、ほかの 入り方を 聞いてください。

## The certificate
page-certificate = カードの 電子証明書が 使えません
page-certificate-next = 期限が 切れていれば、市区町村で 更新できます。そうでなければ、主催者の 窓口に ご相談ください。
page-personal-certificate = 名前の 入った 証明書でした
page-personal-certificate-next = どこにも 送っていません。主催者の 窓口に ご相談ください。
page-other-card = 別の カードで 登録されています
page-other-card-next = 登録した カードに 替えてください。
page-no-ticket-on-card = このカードには チケットが ありません
page-no-ticket-on-card-next = 別の カードで 登録したかも しれません。
page-card-full = このカードには もう 登録できません
page-card-full-next = いっしょに 行く人の カードで 登録してください。

## The registrar
page-unreachable = 登録先に つながりません
page-unreachable-next = インターネットの 接続を 確かめて、もう一度 押してください。
page-timed-out = 登録先の 応答が ありません
page-timed-out-next = 少し 待って、もう一度 押してください。使用済みと 出たら、カードで チケットを 確かめてください。
page-busy = 混み合っています
page-busy-next = 1分ほど 待って、もう一度 押してください。
page-odd-registrar = チケットの 登録先では ありません
page-odd-registrar-next = リンクが 正しいか、お店に 聞いてください。
page-no-https = 安全な 通信が できません
page-no-https-next = このパソコンの 更新が 必要です。くわしい人に 見てもらってください。
page-proof-refused = カードを 確認できませんでした
page-proof-refused-next = もう一度 ためしてください。だめなときは、主催者の 窓口に ご相談ください。
page-registrar-says = 登録先が 受け付けませんでした
page-registrar-says-next = 下の くわしい 説明を、お店に 伝えてください。
page-expired = 時間が かかりすぎました
page-expired-next = なにも 変わっていません。もう一度 押してください。
page-host-not-typed = 登録先の 名前が ちがいます
page-host-not-typed-next = なにも 送っていません。名前を 確かめて、もう一度 入力してください。

## The ticket and its link
page-unknown-code = このリンクの チケットは ありません
page-unknown-code-next = リンク全体を コピーしたか、確かめてください。
page-code-used = このリンクは 使用済みです
page-code-used-next = ご自分で 使ったなら、そのとき 出た 新しい リンクを 使ってください。心当たりが なければ、すぐ お店に 知らせてください。
page-code-dead = このチケットは 取り消されたか、返却されています
page-code-dead-next = お店に お問い合わせください。
page-not-possible = 今の チケットでは できません
page-not-possible-next = 停止していない チケットは、もう 使えます。ほかの ときは、お店に お問い合わせください。
page-too-many-changes = 今日は もう 変えられません
page-too-many-changes-next = 明日 もう一度 ためすか、お店に お問い合わせください。
page-bad-link = チケットの リンクでは ありません
page-bad-link-next = # の うしろも いっしょに、リンク全体を コピーしてください。
page-insecure-link = このリンクは 安全では ありません
page-insecure-link-next = なにも 送っていません。https で 始まる リンクを、お店に 頼んでください。
page-link-as-argument = リンクを 受け取れませんでした
page-link-as-argument-next = リンクは つぎの 画面に 貼り付けてください。
