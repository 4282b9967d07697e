module kith

go 1.26
