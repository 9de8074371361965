# What stands on the lane's page around the sentences of its screens.

title = 入場レーン
entrance = 入口
lane = レーン
welcome-word = ようこそ
zone = エリア
seat = 席
delete = 1つ 消す
cancel = やめる
enter = 決定
people = 人
