# カード登録プログラムの言葉（やさしい日本語）。

## 質問
ask-registration-link = 届いたリンク（https://…/r#…）を貼り付けて、Enter を押してください:
ask-holder-link = チケットのリンク（https://…/t#…）を貼り付けて、Enter を押してください:
page-address = ブラウザーでこのページが開きます。開かないときは、ご自分で開いてください（1回だけ使えます）:
page-address-plain = ブラウザーでこのページを開いてください（1回だけ使えます）:
host-unknown = はじめて使うアドレスです: { $origin }
host-type-name = お店や主催者のアドレスでまちがいなければ、名前（{ $host }）を入力してください。まだ何も送っていません:
host-remembered = { $file } に記録しました。
host-not-remembered = 名前を記録できませんでした。今回だけ使います。
go-on = 続けますか。y を入力して Enter を押してください:
ask-pin = 数字4けた（利用者証明用）:
type-at-reader = カードリーダーのボタンで、数字4けた（利用者証明用）を入力し、OKボタンを押してください。

## これからすること
asking-registrar = { $origin } に問い合わせています…
rehearsal = ＊＊＊ リハーサルです。本物のイベント・チケットではありません ＊＊＊
event = { $name }　{ $starts } 開始
ticket = { $zone }　{ $seat }　入場 { $from } から { $until } まで　{ $state ->
    [reserved] 予約中
    [unbound] カード未登録
    [bound] カード登録済み
    [suspended] 停止中
    [returned] 返却済み
    [cancelled] 取り消し済み
   *[other] 状態不明
}　{ $paid ->
    [yes] お支払い済み
   *[no] お支払い前
}
will-bind = このチケットに、あなたのカードを登録します。登録すると、このカードでだけ入場できます。
will-resume = カードを確認し、紛失の届け出で停止したチケットをまた使えるようにします。
will-show = カードを確認します。何も変わらず、入場にもなりません。
not-read = お名前・住所・マイナンバーは読み取りません。
will-sign = カードが署名する内容: { $label } · { $fingerprint }

## カード
waiting-for-reader = カードリーダーをつないでください。
waiting-for-card = マイナンバーカードをリーダー（{ $reader }）に置いてください。
reading = 読み取っています。カードはそのままにしてください。
tries-left = 暗証番号は、あと { $tries } 回入力できます。
signing = そのままお待ちください。
take-card = 暗証番号は消しました。カードを取ってかまいません。
sending-proof = 確認の結果を送っています…

## 完了
done-bound = 完了しました。カードを登録しました。
done-resumed = 完了しました。停止をやめました。
done-shown = カードは使えます。このカードのチケット:
not-paid-yet = お支払いの確認ができていません。期限までにお支払いください。過ぎるとチケットはお店に戻ります。
certificate-ends = カードの電子証明書は、イベントの前に期限が切れます。更新するとカードの鍵が変わり、このチケットでは入場できなくなります。更新したら、お店に新しいリンクを頼み、もう一度登録してください。
revocation-not-checked = 確認したこと: 電子証明書が正しい発行元のもので、今日有効なこと。このカードがその鍵を持っていること。確認していないこと: 紛失の届け出などで失効していないか（登録先には知らされません）。
holder-link = 前のリンクはもう使えません。新しいリンクです（今だけ表示します）:
holder-link-keep = かぎのように大切に保管してください。チケットの確認と、紛失の届け出に使います。だれにも渡さないでください。

## 状態
rehearsal-anchors = ＊＊＊ リハーサルです。試験用カードも受け付けます ＊＊＊
status-card = { $reader } にマイナンバーカードがあります。
status-certificate-accepted = 電子証明書（利用者証明用）: 使えます。
status-certificate-refused = 電子証明書（利用者証明用）: 使えません（{ $reasons }）。

## 点検
check-ok = [ ok ] { $text }
check-note = [ –  ] { $text }
check-problem = [ !! ] { $text }
service-ok = スマートカードサービスは動いています。
reader-ok = リーダー: { $reader }
pin-typed-here = 暗証番号はこのコンピューターで入力します。リーダーに使えるボタンはありません。
pin-typed-at-reader = 暗証番号はリーダーのボタンで入力し、このコンピューターには届きません。ボタン付きリーダーの実機では試していません（--no-pinpad で使わないようにできます）。
card-ok = リーダーにマイナンバーカードがあり、応答します。
card-none = リーダーにカードはありません。今はこれでかまいません。
server-ok = { $origin } は応答します。
server-not-named = 登録先には問い合わせていません。--server で指定すると、通信と時計を点検します。
clock-ok = このパソコンの時計は合っています。
clock-off = このパソコンの時計がずれています（ここ { $here }、登録先 { $there }）。自動設定にしてください。
clock-unknown = 時計は比べられませんでした。

## うまくいかないとき: リンクとアドレス
problem-link-empty = リンクがありません。聞かれたら貼り付けるか、標準入力の1行目に入れてください。
problem-link-insecure = このリンクは安全ではありません（http）。何も送っていません。https で始まるリンクをお店に頼んでください。
problem-link-malformed = チケットのリンクではありません。# の後ろも含めて、リンク全体をコピーしてください。
problem-link-code = リンクが途中で切れています。# の後ろも含めて、リンク全体をコピーしてください。
problem-link-as-argument = リンクはコマンドの引数に書かないでください（ほかの人に見えます）。引数なしで実行し、聞かれたら貼り付けてください。
problem-link-is-registration = このリンク（/r）はカードの登録用です。kido-card register を使ってください。
problem-link-is-holder = 登録済みチケットのリンク（/t）です。チケットを見るには kido-card show、紛失の停止をやめるには kido-card resume を使ってください。
problem-registrar-list = 登録先の一覧が読めません。ファイルを直すか消すか、--registrars で別のファイルを指定してください。
problem-host-not-confirmed = { $host } と入力されなかったので、何も送っていません。信頼できるなら、もう一度実行して名前を入力するか、--yes-host で指定してください。
problem-declined = 中止しました。何も変わっていません。
problem-cancelled = 中止しました。カードを取ってかまいません。送信後だった場合は、kido-card show でチケットを確認してください。
problem-no-terminal = 暗証番号を入力する端末がありません。端末で実行するか、--pin-stdin を使ってください。
problem-unattended = ページで応答がなかったので、プログラムは終わりました。その後は何も送っていません。
problem-page-taken = ページのアドレスが2回使われたので、閉じました。このパソコンのほかの人が見たかもしれません。
problem-page = このパソコンでページを開けませんでした。端末で kido-card register を使ってください。
problem-no-input = 入力が途中で終わりました。
problem-start = プログラムを始められませんでした。もう一度お試しください。
problem-trust-anchor = DER 形式のルート証明書として使えません: { $file }

## リーダーとカード
problem-no-service = スマートカードサービスが動いていません。pcscd を入れて起動してください（Debian: apt install pcscd; systemctl start pcscd.socket）。
problem-no-service-windows = スマートカードサービスが動いていません。「サービス」で Smart Card（SCardSvr）を開始してください。
problem-no-service-macos = スマートカードサービスが動いていません。リーダーをつないで、もう一度お試しください。
problem-no-reader = カードリーダーが見つかりません。つないで、もう一度お試しください。
problem-reader-not-found = その名前のリーダーはありません。あるのは: { $readers }
problem-several-readers = リーダーがいくつかあります。--reader で選んでください: { $readers }
problem-no-card = { $reader } にカードが置かれませんでした。もう一度お試しください。
problem-card-in-use = ほかのプログラムがカードを使っています。（ブラウザーなどを）閉じて、もう一度お試しください。
problem-card-mute = カードが応答しません。裏返すか、置き直してください。
problem-reader-failed = リーダーが故障しました。抜き差しして、もう一度お試しください。
problem-card-left = カードが早く取られました。もう一度置いて、そのままにしてください。
problem-card-malformed = カードの応答がわかりませんでした。もう一度お試しください。
problem-card-unreadable = カードを読み取れませんでした（{ $why }）。もう一度お試しください。続くときは市区町村にご相談ください。
problem-not-my-number-card = マイナンバーカードではありません。マイナンバーカードを使ってください。
problem-phone = スマートフォンはまだ使えません。カードを使ってください。

## 暗証番号
problem-pin-malformed = 暗証番号（利用者証明用）は数字4けたです。カードには何も送っていません。
problem-pin-not-entered = カードリーダーで暗証番号が入力されませんでした。回数は減っていません。もう一度はじめてください。
problem-wrong-pin = { $tries ->
    [0] 暗証番号がちがいます。ロックされました。市区町村で解除できます。
    [1] 暗証番号がちがいます。あと 1 回です。ロックを防ぐため、ここではもう入力できません。市区町村で再設定できます。
   *[other] 暗証番号がちがいます。あと { $tries } 回です。よく確かめてから、もう一度お試しください。
}
problem-too-few-tries = あと 1 回しか入力できません。カードを守るため、ここでは入力できません。市区町村で再設定できます。
problem-pin-locked = 暗証番号がロックされています。市区町村で解除できます。
problem-no-pin = このカードには暗証番号がありません。主催者の窓口にご相談ください。

## 電子証明書
problem-certificate = カードの電子証明書は使えませんでした。期限が切れていれば、市区町村で更新できます。そうでなければ、主催者の窓口にご相談ください。
problem-signature-certificate = 名前と住所が入った証明書でした。どこにも送っていません。主催者の窓口にご相談ください。

## 登録先
problem-session-expired = 時間がかかりすぎて、手続きが終わりました。何も変わっていません。はじめからやり直してください。
problem-registrar-unreachable = 登録先につながりません。通信とリンクを確かめて、もう一度お試しください。
problem-registrar-timeout = 登録先の応答がありません。もう一度お試しください。送信後だった場合は、先にチケットを確認してください。
problem-redirected = 登録先が別のアドレスを示しました。そこへは送りません。正しいリンクをお店に頼んでください。
problem-registrar-answer = 応答したのはチケットの登録先ではないか、版が違います。リンクを確かめ、このプログラムを更新してください。
problem-tls = このパソコンでは安全な通信ができません。ルート証明書を入れてください（Debian: apt install ca-certificates）。
problem-registrar-says = 登録先からのお知らせ: { $detail }
problem-unknown-code = このコードのチケットはありません。リンク全体をコピーしてください。
problem-code-used = このリンクは使用済みです。ご自分で使ったなら、そのとき表示された新しいリンクを使ってください。心当たりがなければ、すぐお店に知らせてください。
problem-code-dead = このリンクのチケットは取り消されたか、返却されています。お店にお問い合わせください。
problem-not-possible = チケットの今の状態では、この操作はできません。kido-card show で確認するか、お店にお問い合わせください。
problem-proof-refused = カードを確認できませんでした。リンクのアドレスを確かめて、もう一度お試しください。だめなときは、主催者の窓口にご相談ください。
problem-registrar-busy = 混み合っています。1分ほど待って、もう一度お試しください。
problem-other-card = このチケットは別のカードで登録されています。そのカードを使ってください。
problem-no-ticket-on-card = このカードには、このイベントのチケットがありません。別のカードかスマートフォンで登録したかもしれません。
problem-card-full = このカードには、このイベントのチケットをこれ以上登録できません。
problem-too-many-changes = このチケットは今日の変更が多すぎます。明日もう一度お試しいただくか、お店にお問い合わせください。
