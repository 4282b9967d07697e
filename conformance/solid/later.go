package solid

func providerCases() []testCase { return nil }
func lwsCases() []testCase      { return nil }
func profileCases() []testCase  { return nil }
