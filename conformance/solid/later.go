package solid

func notificationCases() []testCase { return nil }
func channelCases() []testCase      { return nil }
func providerCases() []testCase     { return nil }
func lwsCases() []testCase          { return nil }
func profileCases() []testCase      { return nil }
